{{- define "scvk.name" -}}
{{- .Values.nameOverride | default "virtual-kubelet-saladcloud" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- /* The name of everything that belongs to this release. */ -}}
{{- define "scvk.fullname" -}}
{{- $chosen := .Values.fullnameOverride | default .Values.name -}}
{{- $name := include "scvk.name" . -}}
{{- if $chosen -}}
{{- $chosen | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "scvk.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "scvk.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "scvk.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "scvk.secret" -}}
{{- if not (or .Values.secret.create .Values.secret.name) -}}
{{- fail "secret.create is false: name the Secret that holds the API key in secret.name" -}}
{{- end -}}
{{- .Values.secret.name | default (include "scvk.fullname" .) -}}
{{- end -}}

{{- define "scvk.nodeName" -}}
{{- .Values.salad.nodeName | default .Values.provider.nodename -}}
{{- end -}}

{{- define "scvk.image" -}}
{{- $image := .Values.provider.image | default dict -}}
{{- $name := printf "%s/%s" .Values.imageRegistry .Values.imageName -}}
{{- $repository := $image.repository | default $name -}}
{{- if .Values.imageDigest -}}
{{- printf "%s@%s" $repository .Values.imageDigest -}}
{{- else -}}
{{- printf "%s:%s" $repository (toString (.Values.imageTag | default $image.tag | default .Chart.AppVersion)) -}}
{{- end -}}
{{- end -}}

{{- define "scvk.matchLabels" -}}
app.kubernetes.io/name: {{ include "scvk.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* metadata of an object: a dict of root, name, and labels and annotations of its own; cluster: true has no namespace. */ -}}
{{- define "scvk.metadata" -}}
{{- $root := .root -}}
name: {{ .name | quote }}
{{- if not .cluster }}
namespace: {{ .namespace | default (include "scvk.namespace" $root) | quote }}
{{- end }}
labels:
  {{- include "scvk.matchLabels" $root | nindent 2 }}
  app.kubernetes.io/component: kubelet
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
  {{- with merge (dict) (.labels | default dict) $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
