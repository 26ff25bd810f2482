package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	logsapi "k8s.io/component-base/logs/api/v1"
	"sigs.k8s.io/yaml"

	config "github.com/cert-manager/cert-manager/pkg/apis/config/controller/v1alpha1"
	cm "github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	gateways "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/gateways"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

// controller runs cert-manager's controllers, less those for two commercial authorities whose libraries can't be had; on
// one replica, and so without electing a leader.
func controller(ctx context.Context) error {
	options, err := controllerOptions()
	if err != nil {
		return err
	}
	factory, err := cm.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := serve(ctx, group, shared); err != nil {
		return err
	}
	for name, start := range cm.Known() {
		if name == gateways.ControllerName && !options.EnableGatewayAPI {
			continue
		}
		one, err := start(factory)
		if err != nil {
			return err
		}
		group.Go(func() error { return one.Run(5, ctx) })
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	if options.EnableGatewayAPI {
		shared.GWShared.Start(ctx.Done())
	}
	return group.Wait()
}

// controllerOptions are the chart's flags and its configuration file, read strictly, over cert-manager's own defaults.
func controllerOptions() (cm.ContextOptions, error) {
	options := cm.ContextOptions{KubernetesAPIQPS: 20, KubernetesAPIBurst: 50}
	options.ClusterIssuerAmbientCredentials = true
	options.DefaultIssuerKind, options.DefaultIssuerGroup = "Issuer", "cert-manager.io"
	options.DefaultAutoCertificateAnnotations = []string{"kubernetes.io/tls-acme"}
	options.CopiedAnnotationPrefixes = []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"}
	options.CertificateRequestMinimumBackoffDuration = time.Hour
	options.CertificateRequestMaximumBackoffDuration = 32 * time.Hour
	options.HTTP01SolverResourceRequestCPU = resource.MustParse("10m")
	options.HTTP01SolverResourceLimitsCPU = resource.MustParse("100m")
	options.HTTP01SolverResourceRequestMemory = resource.MustParse("64Mi")
	options.HTTP01SolverResourceLimitsMemory = resource.MustParse("64Mi")
	options.DNS01CheckRetryPeriod, options.DNS01CheckAuthoritative = 10*time.Second, true

	logging := logsapi.NewLoggingConfiguration()
	flags := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	file := flags.String("config", "", "")
	flags.StringVar(&options.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "")
	flags.StringVar(&options.HTTP01SolverImage, "acme-http01-solver-image", "", "")
	flags.IntVar(&options.MaxConcurrentChallenges, "max-concurrent-challenges", 60, "")
	flags.String("leader-election-namespace", "", "")
	logf.AddFlags(logging, flags)
	if err := flags.Parse(os.Args[1:]); err != nil {
		return options, err
	}
	if err := logf.ValidateAndApply(logging); err != nil {
		return options, err
	}
	if *file == "" {
		return options, nil
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return options, err
	}
	var given config.ControllerConfiguration
	if err := yaml.UnmarshalStrict(text, &given); err != nil {
		return options, err
	}
	dns := given.ACMEDNS01Config
	options.DNS01Nameservers = dns.RecursiveNameservers
	options.DNS01CheckAuthoritative = dns.RecursiveNameserversOnly == nil || !*dns.RecursiveNameserversOnly
	if dns.CheckRetryPeriod != nil {
		options.DNS01CheckRetryPeriod = dns.CheckRetryPeriod.Duration.Duration
	}
	if given.MaxConcurrentChallenges != nil && !flags.Changed("max-concurrent-challenges") { // a flag wins over the file
		options.MaxConcurrentChallenges = int(*given.MaxConcurrentChallenges)
	}
	options.EnableGatewayAPI = given.GatewayAPIConfig.Enabled != nil && *given.GatewayAPIConfig.Enabled
	return options, nil
}

// serve shows metrics on 9402 and health on 9403, where the chart looks for them.
func serve(ctx context.Context, group *errgroup.Group, shared *cm.Context) error {
	listener, err := net.Listen("tcp", ":9402")
	if err != nil {
		return err
	}
	informers := shared.SharedInformerFactory
	shared.Metrics.SetupACMECollector(informers.Acme().V1().Challenges().Lister())
	shared.Metrics.SetupCertificateCollector(informers.Certmanager().V1().Certificates().Lister())
	shared.Metrics.SetupIssuerCollector(informers.Certmanager().V1().Issuers().Lister())
	shared.Metrics.SetupClusterIssuerCollector(informers.Certmanager().V1().ClusterIssuers().Lister())
	server := shared.Metrics.NewServer(listener)
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	health, err := net.Listen("tcp", ":9403")
	if err != nil {
		return err
	}
	group.Go(func() error { return healthz.NewServer(20*time.Second).Start(ctx, health) })
	return nil
}
