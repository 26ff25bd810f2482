{{- define "lab.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "lab.clusterRole" -}}
{{ include "lab.fullname" . }}-{{ .Release.Namespace }}
{{- end }}

{{- define "lab.selector" -}}
app.kubernetes.io/name: traefik
app.kubernetes.io/instance: {{ default (printf "%s-%s" .Release.Name .Release.Namespace) .Values.instanceLabelOverride }}
{{- end }}

{{- define "lab.labels" -}}
{{ include "lab.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- /* Flux appends "+DIGEST" to the version, and a label has no plus */}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* --entryPoints… of one port: its address, TLS, and a redirect if one is asked for */}}
{{- define "lab.entryPoint" -}}
{{- $name := .name }}{{ $port := .port }}{{ $all := .all }}
- --entryPoints.{{ $name }}.address=:{{ $port.port }}/tcp
{{- with $port.http }}
{{- if (.tls).enabled }}
- --entryPoints.{{ $name }}.http.tls=true
{{- end }}
{{- with (.redirections).entryPoint }}
{{- $target := get $all .to }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.to=:{{ $target.exposedPort }}
{{- with .scheme }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.scheme={{ . }}
{{- end }}
{{- if .permanent }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.permanent=true
{{- end }}
{{- end }}
{{- end }}
{{- end }}
