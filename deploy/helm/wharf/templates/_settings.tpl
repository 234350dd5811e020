{{/* Settings of Wharf as environment variables, which win over the file. A test gives each of them to `wharf config check`. */}}
{{- define "wharf.settings" -}}
- name: WHARF__DATA_DIR
  value: /var/lib/wharf/data
- name: WHARF__REGION
  value: {{ .Values.region | quote }}
- name: WHARF__SERVER__LISTEN
  value: 0.0.0.0:5100
- name: WHARF__SERVER__PUBLIC_PORT
  value: {{ .Values.server.publicPort | quote }}
- name: WHARF__SERVER__SCHEME
  value: {{ .Values.server.scheme | quote }}
- name: WHARF__SERVER__DRAIN_SECONDS
  value: {{ .Values.server.drainSeconds | quote }}
{{- with .Values.server.publicSuffix }}
- name: WHARF__SERVER__PUBLIC_SUFFIX
  value: {{ . | quote }}
{{- end }}
{{- with .Values.server.publicHost }}
- name: WHARF__SERVER__PUBLIC_HOST
  value: {{ . | quote }}
{{- end }}
{{- with .Values.server.trustedProxies }}
- name: WHARF__SERVER__TRUSTED_PROXIES
  value: {{ . | toJson | quote }}
{{- end }}
{{- if .Values.tls.existingSecret }}
- name: WHARF__SERVER__TLS__CERTIFICATE
  value: /etc/wharf/tls/tls.crt
- name: WHARF__SERVER__TLS__KEY
  value: /etc/wharf/tls/tls.key
{{- end }}
{{- if .Values.metrics.enabled }}
- name: WHARF__METRICS__LISTEN
  value: 0.0.0.0:9100
{{- end }}
{{- if .Values.masterKey.existingSecret }}
- name: WHARF__MASTER_KEY_FILE
  value: /etc/wharf/master-key/master.key
{{- end }}
{{- with .Values.bootstrap }}
{{- if .accountId }}
- name: WHARF__BOOTSTRAP__ACCOUNT_ID
  value: {{ .accountId | quote }}
{{- if .existingSecret }}
- name: WHARF__BOOTSTRAP__ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ .existingSecret | quote }}, key: access-key-id}}
- name: WHARF__BOOTSTRAP__SECRET_ACCESS_KEY_FILE
  value: /etc/wharf/bootstrap/secret-access-key
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.database.existingSecret }}
- name: WHARF__DATABASE__URL
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: url}}
{{- end }}
{{- with .Values.s3 }}
{{- if .url }}
- name: WHARF__BLOBS__URL
  value: {{ .url | quote }}
- name: WHARF__BLOBS__S3__SERVE
  value: {{ .serve | quote }}
{{- with .endpoint }}
- name: WHARF__BLOBS__S3__ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .publicEndpoint }}
- name: WHARF__BLOBS__S3__PUBLIC_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .region }}
- name: WHARF__BLOBS__S3__REGION
  value: {{ . | quote }}
{{- end }}
{{- if .accessKeyId }}
- name: WHARF__BLOBS__S3__ACCESS_KEY_ID
  value: {{ .accessKeyId | quote }}
- name: WHARF__BLOBS__S3__SECRET_ACCESS_KEY_FILE
  value: /etc/wharf/s3/secret-access-key
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The files that the settings name: each is one key of a secret. */}}
{{- define "wharf.secrets" -}}
{{- $s := dict }}
{{- if .Values.tls.existingSecret }}{{ $s = set $s "tls" (dict "secret" .Values.tls.existingSecret) }}{{ end }}
{{- if .Values.masterKey.existingSecret }}
{{- $s = set $s "master-key" (dict "secret" .Values.masterKey.existingSecret "key" "master.key") }}
{{- end }}
{{- if and .Values.bootstrap.accountId .Values.bootstrap.existingSecret }}
{{- $s = set $s "bootstrap" (dict "secret" .Values.bootstrap.existingSecret "key" "secret-access-key") }}
{{- end }}
{{- if and .Values.s3.url .Values.s3.accessKeyId }}
{{- $s = set $s "s3" (dict "secret" (required "s3.existingSecret is missing" .Values.s3.existingSecret) "key" "secret-access-key") }}
{{- end }}
{{- $s | toYaml }}
{{- end }}
