{{/* The pod of both modes. */}}
{{- define "wharf.pod" -}}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty .Values.tls.existingSecret)) }}
metadata:
  labels:
    {{- include "wharf.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    checksum/config: {{ .Values.config | sha256sum }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "wharf.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: wharf
      image: {{ include "wharf.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/wharf/config/wharf.toml]
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      env:
        {{- include "wharf.settings" . | nindent 8 }}
        {{- with .Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        - {name: registry, containerPort: 5100, protocol: TCP}
        {{- if .Values.metrics.enabled }}
        - {name: metrics, containerPort: 9100, protocol: TCP}
        {{- end }}
      startupProbe:
        httpGet: {path: /healthz, port: registry, scheme: {{ $scheme }}}
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: {path: /healthz, port: registry, scheme: {{ $scheme }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: registry, scheme: {{ $scheme }}}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      lifecycle:
        preStop: {sleep: {seconds: {{ .Values.preStopSeconds }}}}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/wharf}
        - {name: tmp, mountPath: /tmp}
        - {name: config, mountPath: /etc/wharf/config, readOnly: true}
        {{- range $name, $_ := include "wharf.secrets" . | fromYaml }}
        - {name: {{ $name }}, mountPath: /etc/wharf/{{ $name }}, readOnly: true}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 256Mi}
    - name: config
      configMap: {name: {{ include "wharf.fullname" . }}}
    {{- if eq .Values.mode "scaled" }}
    - name: data
      emptyDir: {sizeLimit: 256Mi}
    {{- end }}
    {{- range $name, $from := include "wharf.secrets" . | fromYaml }}
    - name: {{ $name }}
      secret:
        secretName: {{ $from.secret }}
        # Root's, and readable by the group: Wharf refuses a secret that others can read.
        defaultMode: 0400
        {{- with $from.key }}
        items: [{key: {{ . }}, path: {{ . }}}]
        {{- end }}
    {{- end }}
    {{- with .Values.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "wharf.selector" $ | nindent 10 }}
    {{- end }}
    {{- end }}
{{- end }}
