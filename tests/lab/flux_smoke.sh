#!/bin/bash
# flux_smoke.sh [I] - is the GitOps part of the lab in order?  `lab gitops smoke` goes on by hand with the one-node cluster
# of `lab smoke` on a fresh node piI (9 if not told): Flux out of git over SSH, Gateway API, MetalLB and two Traefiks
# from the mirror, and a page that the LAN gets through one of them.  No code of the product takes part.
# It disturbs nobody: a repository of its own (smoke.git) and the last two addresses of the pool.
# LAB_SMOKE_KEEP=1 leaves the cluster running; its kubeconfig is $HOMELAB_LAB/flux-smoke/kubeconfig.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/git.sh"

NODE=${1:-9}
INTERNAL=$LAB_NET.209 EXTERNAL=$LAB_NET.210
URL=ssh://git@$LAB_GW:2222/srv/git/smoke.git
LOG=$LAB_LOG/flux-smoke.log
WORK=$HOMELAB_LAB/flux-smoke

ws() { ns hw-ws env KUBECONFIG="$WORK/kubeconfig" PATH="$LAB_BIN:$PATH" "$@"; }
step() { # words, command...
  local words=$1 start; shift; start=$(date +%s%N)
  "$@" >>"$LOG" 2>&1 || die "FAILED: $words, see $LOG"
  say "$(printf '%6.1f s  %s' "$((($(date +%s%N) - start) / 1000000))e-3" "$words")"
}

kubeconfig() { (umask 077; "$LAB_SRC/lab" ssh "$NODE" sudo cat /etc/kubernetes/admin.conf > "$WORK/kubeconfig"); ws kubectl get nodes; }

# MetalLB leaves control-plane nodes out; here there is no other
one_node() { ws kubectl label node --all node.kubernetes.io/exclude-from-external-load-balancers-; }

bootstrap() {
  git_up; rm -rf "$GIT_HOME/smoke.git"; git_repository "$GIT_HOME/smoke.git"
  ws flux bootstrap git --url="$URL" --branch=main --path=clusters/lab --private-key-file="$HOMELAB_LAB/git_key" --silent
}

git_ssh() { echo "ssh -i $HOMELAB_LAB/git_key -o IdentitiesOnly=yes -o UserKnownHostsFile=$HOMELAB_LAB/git_known_hosts"; }
ws_git() { ws env GIT_SSH_COMMAND="$(git_ssh)" git -c user.name=lab -c user.email=lab@lab.invalid "$@"; }

push_parts() {
  rm -rf "$WORK/repo"; ws_git clone -q "$URL" "$WORK/repo"
  mkdir -p "$WORK/repo/parts"/{base,config}
  part_kustomizations > "$WORK/repo/clusters/lab/parts.yaml"
  { part_namespaces; part_metallb; part_traefik internal $INTERNAL; part_traefik external $EXTERNAL; } > "$WORK/repo/parts/base/base.yaml"
  { part_pool; part_gateway internal; part_gateway external; part_page; } > "$WORK/repo/parts/config/config.yaml"
  ws_git -C "$WORK/repo" add .; ws_git -C "$WORK/repo" commit -qm parts; ws_git -C "$WORK/repo" push -q
  ws flux reconcile kustomization flux-system --with-source
}

part_kustomizations() {
  cat <<Y
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: gateway-api, namespace: flux-system}
spec: {interval: 1h, url: $LAB_HTTP/git/gateway-api, ref: {tag: v1.5.1}, ignore: "/*\n!/config/crd\n"}
Y
  kustomization gateway-api gateway-api ./config/crd ''
  kustomization base flux-system ./parts/base '{name: gateway-api}'
  kustomization config flux-system ./parts/config '{name: base}'
}
kustomization() { # NAME SOURCE PATH DEPENDS-ON
  cat <<Y
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: $1, namespace: flux-system}
spec: {interval: 1h, retryInterval: 10s, timeout: 3m, wait: true, prune: true, path: $3, dependsOn: [$4], sourceRef: {kind: GitRepository, name: $2}}
Y
}

part_namespaces() {
  local n; for n in metallb-system networking hello; do
    printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {pod-security.kubernetes.io/enforce: privileged}}\n' $n
  done
}
chart() { # NAME NAMESPACE REPOSITORY VERSION
  cat <<Y
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: $1, namespace: $2}
spec:
  interval: 1h
  url: oci://$LAB_REGISTRY/$3
  insecure: true
  layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}
  ref: {tag: $4}
Y
}
release() { # NAME NAMESPACE CHART, values from stdin
  cat <<Y
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: $1, namespace: $2}
spec:
  interval: 1h
  chartRef: {kind: OCIRepository, name: $3}
  values:
$(sed 's/^/    /')
Y
}
part_metallb() {
  chart metallb metallb-system metallb/chart/metallb 0.16.1
  release metallb metallb-system metallb <<<'frrk8s: {enabled: false}
speaker: {frr: {enabled: false}}
prometheus: {rbacPrometheus: false}'
}
part_traefik() { # internal|external ADDRESS
  [ "$1" = external ] || chart traefik networking traefik/helm/traefik 41.3.0
  release "traefik-$1" networking traefik <<Y
instanceLabelOverride: traefik-$1
gateway: {enabled: false}
gatewayClass: {enabled: false}
providers: {kubernetesGateway: {enabled: true, labelSelector: homelab.local/gateway=$1}}
service: {annotations: {metallb.io/loadBalancerIPs: $2}, spec: {type: LoadBalancer, externalTrafficPolicy: Cluster}}
Y
}
part_pool() {
  cat <<Y
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: homelab, namespace: metallb-system}
spec: {addresses: ["$INTERNAL-$EXTERNAL"]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: homelab, namespace: metallb-system}
spec: {ipAddressPools: [homelab]}
Y
}
part_gateway() { # internal|external
  cat <<Y
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: traefik-$1, labels: {homelab.local/gateway: $1}}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: traefik-$1, namespace: networking}
spec:
  gatewayClassName: traefik-$1
  listeners: [{name: web, port: 8000, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
Y
}
part_page() {
  cat <<Y
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello, namespace: hello}
spec:
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec: {containers: [{name: hello, image: "docker.io/traefik/whoami:v1.11.0", args: [--port, "8080", --name, hello]}]}
---
apiVersion: v1
kind: Service
metadata: {name: hello, namespace: hello}
spec: {selector: {app: hello}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: hello, namespace: hello}
spec:
  parentRefs: [{name: traefik-internal, namespace: networking}]
  hostnames: [hello.internal.home.lab.test]
  rules: [{backendRefs: [{name: hello, port: 80}]}]
Y
}

ready() { ws kubectl -n flux-system wait --for=condition=Ready kustomization "$1" --timeout=240s; }
page() { # ADDRESS WANTED-STATUS
  [ "$(ws curl -s -m 2 -o /dev/null -w '%{http_code}' -H 'Host: hello.internal.home.lab.test' "http://$1/")" = "$2" ]
}

rm -rf --one-file-system "$WORK"; mkdir -p "$WORK" "$LAB_LOG"; : > "$LOG"
LAB_SMOKE_KEEP=1 "$LAB_SRC/smoke.sh" "$NODE"
step 'kubeconfig' kubeconfig
step 'the node may announce addresses' one_node
step 'flux bootstrap git' bootstrap
step 'parts pushed' push_parts
step 'Gateway API from its git repository' ready gateway-api
step 'MetalLB and two Traefiks from their charts' ready base
step 'addresses, gateways, a page' ready config
step "the page at $INTERNAL" until_ok 30 page $INTERNAL 200
step "not the page at $EXTERNAL" page $EXTERNAL 404
[ -n "${LAB_SMOKE_KEEP:-}" ] || step 'power off' "$LAB_SRC/lab" wipe "$NODE"
say 'Flux, charts and images are in order'
