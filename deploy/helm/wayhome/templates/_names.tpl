{{- define "wayhome.daemonSet" -}}
{{ .Values.takeOver.name | default .Values.name }}
{{- end }}

{{- define "wayhome.selector" -}}
{{- if .Values.takeOver.selector }}{{ toYaml .Values.takeOver.selector }}{{ else }}app.kubernetes.io/name: wayhome-agent{{ end }}
{{- end }}

{{/* Without a version: with one, every upgrade would change every object. */}}
{{- define "wayhome.labels" -}}
app.kubernetes.io/name: wayhome-agent
app.kubernetes.io/part-of: wayhome
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "wayhome.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Whether the back end may start iptables' programs: auto does where the node holds upstream's chain. */}}
{{- define "wayhome.iptables" -}}
{{- if ne .Values.backend "nftables" }}yes{{ end }}
{{- end }}

{{/* host:port, as Go and the agent write an IPv6 address. */}}
{{- define "wayhome.metricsAddress" -}}
{{- with .Values.metrics -}}
{{ if contains ":" .address }}[{{ .address }}]{{ else }}{{ .address }}{{ end }}:{{ .port }}
{{- end }}
{{- end }}

{{/* Where kubelet asks: the Pod has the node's network, so 127.0.0.1 is the node's own. */}}
{{- define "wayhome.probeHost" -}}
{{- $address := .Values.metrics.address -}}
{{- if eq $address "0.0.0.0" }}127.0.0.1{{ else if eq $address "::" }}::1{{ else }}{{ $address }}{{ end -}}
{{- end }}

{{/* As measured (docs/agent.md): requests for short lists, limits for 10,000 ranges and `query plan` beside them. */}}
{{- define "wayhome.resources" -}}
{{- if .Values.resources -}}
{{ toYaml .Values.resources }}
{{- else -}}
{{- $api := eq .Values.mode "api" -}}
requests: {cpu: 10m, memory: {{ ternary "32Mi" "24Mi" $api }}}
limits: {memory: {{ if include "wayhome.iptables" . }}128Mi{{ else }}{{ ternary "80Mi" "64Mi" $api }}{{ end }}}
{{- end }}
{{- end }}

{{/* The namespaces of the ConfigMaps, one a line. */}}
{{- define "wayhome.namespaces" -}}
{{- $found := list -}}
{{- range .Values.configMaps }}{{ $found = append $found (splitList "/" . | first) }}{{ end -}}
{{ $found | uniq | join "\n" }}
{{- end }}

{{/* File mode: upstream's one file, or for --dialect=azure a folder, where every key is a file. */}}
{{- define "wayhome.fileVolume" -}}
{{- range .Values.configMaps }}
{{- $namespace := splitList "/" . | first }}
{{- if ne $namespace $.Release.Namespace }}
{{- fail (printf "mode: file mounts ConfigMaps of the release's own namespace, which is %s, and configMaps names %s; write --namespace %s, or mode: api" $.Release.Namespace . $namespace) }}
{{- end }}
{{- end }}
{{- if has "--dialect=azure" .Values.args -}}
projected:
  sources:
    {{- range .Values.configMaps }}
    - configMap:
        name: {{ splitList "/" . | last }}
        optional: true
    {{- end }}
{{- else -}}
{{- if gt (len .Values.configMaps) 1 }}
{{- fail "mode: file reads one file, and configMaps names several; write mode: api, or args: [--dialect=azure]" }}
{{- end -}}
configMap:
  name: {{ splitList "/" (first .Values.configMaps) | last }}
  optional: true
  items: [{key: {{ .Values.key }}, path: ip-masq-agent}]
{{- end }}
{{- end }}

{{/* Binds the Role or ClusterRole of the agent's name to its account. */}}
{{- define "wayhome.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .context.Values.name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "wayhome.labels" .context | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ .kind }}, name: {{ .context.Values.name }}}
subjects:
  - {kind: ServiceAccount, name: {{ .context.Values.name }}, namespace: {{ .context.Release.Namespace }}}
{{- end }}

{{/* The metadata of an object that lives while the release is taken away. Helm makes them by weight, one by one. */}}
{{- define "wayhome.hook" -}}
name: {{ .name }}
namespace: {{ .context.Release.Namespace }}
labels: {{- include "wayhome.labels" .context | nindent 2 }}
annotations:
  helm.sh/hook: post-delete
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* Of a container that needs nothing of the node. */}}
{{- define "wayhome.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65534
capabilities: {drop: [ALL]}
{{- end }}

{{/* Limits nothing. GKE admits Pods of the system's priority classes only into namespaces that have a quota for them. */}}
{{- define "wayhome.priorityQuota" -}}
hard: {pods: 1G}
scopeSelector:
  matchExpressions:
    - {scopeName: PriorityClass, operator: In, values: [{{ .Values.priorityClassName }}]}
{{- end }}
