//! The settings of `wharf serve`, as its help lists them.

/// The settings with their defaults. A test reads the file shown here.
pub(crate) const SERVE_HELP: &str = r#"Only data_dir and server.listen are required. Each setting can also come from the environment, with __ between
section and name: WHARF__SERVER__LISTEN=0.0.0.0:443 sets `listen` of [server]. Defaults are in [brackets].

  data_dir = "/var/lib/wharf"              # lock, master key and, with SQLite, everything else
  master_key_file = "/etc/wharf/key"       # encrypts secrets at rest [data_dir/master.key]
  peer_key_file = "/etc/wharf/peer.key"    # proves to peers who asks [data_dir/peer.key]
  region = "eu-central-1"                  # the Region of hosts that name no registry [us-east-1]

  [bootstrap]                              # the first account and its administrator, created once
  account_id = "123456789012"              # the access key is in data_dir/first-credentials.toml
  # access_key_id = "AKIAIOSFODNN7EXAMPLE"   # or a key of your own, the same on all nodes [random]
  # secret_access_key_file = "/etc/wharf/first-secret"

  [[accounts]]                             # another account, created if it does not exist; repeat for more accounts
  id = "111122223333"
  name = "shared-tooling"

  [[vpc_endpoints]]                        # clients that use a VPC endpoint, for aws:SourceVpce in policies [none]
  id = "vpce-1a2b3c4d"
  vpc = "vpc-1a2b3c4d"
  networks = ["10.1.0.0/16"]

  [[peers]]                                # another deployment; repeat for more (docs/replication.md) [none]
  name = "frankfurt"
  public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # `wharf replication key` at the peer shows it
  url = "https://registry.example.com"     # where to replicate to; ca_file names its certificate authorities [the system's]
  regions = ["eu-central-1"]               # destinations in these Regions are there [all]
  registry_ids = ["222233334444"]          # and in these accounts [all; one of the two is needed]
  bandwidth = "20MiB"                      # the most that is sent in a second [no limit]
  accounts = { "444455556666" = "111122223333" }  # accounts of the peer that can replicate here, as which account

  [server]
  listen = "0.0.0.0:443"
  public_suffix = "registry.example.org"   # ACCOUNT.dkr.ecr.REGION.<suffix>; "amazonaws.com" inside a closed network
  public_host = "localhost"                # in URIs, if no suffix is set: <host>/ACCOUNT/name
  ecr_public_host = "images.example.org"   # public repositories: <host>/ALIAS/name [<public_host>/public.ecr.aws/ALIAS/name]
  public_port = 443                        # in URIs [the port of server.listen]
  scheme = "https"                         # in URIs [https with server.tls, else http]
  trusted_proxies = ["192.0.2.10/32"]      # proxies whose X-Forwarded-For and -Proto are believed [none]; list single
                                           # addresses: a client with such an address can claim any other address
  drain_seconds = 30                       # how long transfers may continue after SIGTERM

  [server.tls]                             # PEM files, read again when they change; without them HTTP without TLS
  certificate = "/etc/wharf/chain.pem"
  key = "/etc/wharf/key.pem"

  [server.limits]
  max_connections = 2048                   # reduced if ulimit -n requires it, with a line in the log
  max_open_files = 4096                    # blobs that are being read; reduced in the same way
  max_header_bytes = 32768
  max_http2_streams = 200
  header_read_seconds = 75
  http2_idle_seconds = 75                  # an HTTP/2 connection without a request; PINGs do not count
  body_idle_seconds = 60                   # the longest pause in a body, in either direction
  body_grace_seconds = 60                  # the time for a body, plus one second for each
  body_bytes_per_second = 4096             # of these bytes
  unsigned_body_seconds = 20               # the whole body of an AWS request that is unsigned or small
  anonymous_requests_per_second = 50       # requests without credentials from one address; a burst can be 10 times as many
  memory_budget = "256MiB"                 # memory for all clients together: bodies, answers, parts of blobs

  [outbound]                               # where the server may connect to, in addition to the public Internet:
  allow_networks = ["10.0.0.0/8"]          # networks with your own OIDC issuers and upstream registries [none]
  insecure_hosts = ["registry.lan:5000"]   # upstream registries and peers called by plain HTTP [none]

  [pull_through]                           # the pull-through cache
  allow_upstreams = ["*.example.org"]      # upstream registries that rules may name: host, host:port, *.domain [all]
  validity_seconds = 86400                 # how long a tag is served without asking the upstream registry
  [pull_through.token_services]            # token services on another host that get a registry's credentials [none]
  "registry.example.org" = ["login.example.org"]

  [[pull_through.ecr]]                     # ECR registries elsewhere; repeat for more [none]
  host = "*.dkr.ecr.eu-west-1.amazonaws.com"
  region = "eu-west-1"
  endpoint = "https://api.ecr.eu-west-1.amazonaws.com"  # where tokens are requested
  sts_endpoint = "https://sts.eu-west-1.amazonaws.com"  # [endpoint]; access keys: docs/pull-through-cache.md

  [[pull_through.mirrors]]                 # a host that answers like an upstream registry; repeat for more [none]
  host = "mirror.example.org"              # with a port, only at this port
  account = "123456789012"                 # the registry of the rule
  region = "eu-central-1"                  # [region]
  repository_prefix = "docker-hub"         # the prefix of the rule
  registry = "docker.io"                   # whose images it has [docker.io]
  role = "arn:aws:iam::123456789012:role/registry-mirror"  # who pulls without credentials [nobody]

  [[storage_quotas]]                       # a push that would exceed one is refused; repeat for more [none]
  name = "team-a"                          # the name in errors
  bytes = "50GiB"
  account = "123456789012"                 # only this account [all]
  prefix = "team-a/"                       # only repositories with this prefix [all]

  [quotas]                                 # of every account; docs/operations.md lists them all [AWS's defaults]
  images_per_repository = 100000

  [rates]                                  # requests per second of an account, by operation of ECR, as on AWS
  enabled = true                           # [true if a rate is set, else false]
  batch_check_layer_availability = 1000    # HEAD of a blob, too
  batch_get_image = 2000                   # GET and HEAD of a manifest, too
  complete_layer_upload = 100
  get_authorization_token = 500
  get_download_url_for_layer = 3000        # GET of a blob, too
  initiate_layer_upload = 100
  put_image = 10                           # PUT of a manifest, too; five seconds' worth can come at once
  upload_layer_part = 500

  [rates.accounts.111122223333]            # one account's own rates; repeat for more [none]
  put_image = 100

  [events]                                 # pushes, deletes and policy changes, in the database
  retention_seconds = 86400                # older events are removed

  [[events.sinks]]                         # a target that gets the events of all accounts; repeat for more [none]
  name = "audit"                           # the name in errors and in `wharf events`
  file = "/var/log/wharf/events.jsonl"     # one event in each line; or stdout = true; or url = "https://…" with
                                           # secret_file = "…", which signs the requests
  pattern = '{"source": ["aws.ecr"]}'      # an event pattern of EventBridge [all events]

  [collection]                             # garbage is removed while the server runs
  grace_seconds = 86400                    # a layer that no image needs stays this long; longer than any push lasts
  delay_seconds = 900                      # then its bytes stay this long, for downloads that have begun
  interval_seconds = 60                    # how often the collector looks

  [lifecycle]                              # lifecycle policies of repositories
  interval_seconds = 3600                  # how often each is evaluated if nothing changes
  activation_seconds = 0                   # how long restoring an image from the archive takes

  [tags]                                   # what tags named before: `wharf tags`
  history_seconds = 7776000                # older moves of tags are removed
  grace_seconds = 86400                    # lifecycle policies keep what a moved tag named this long

  [metrics]
  listen = "127.0.0.1:9100"                # Prometheus, on /metrics [off]

  [telemetry]                              # traces of OpenTelemetry; headers_file and ca_file as in docs/operations.md [off]
  otlp_endpoint = "https://otel.test:4318" # a collector, by OTLP over HTTP
  sample_ratio = 0.05                      # the part of requests that is traced, if the client does not decide
  follow_traceparent = true                # a client that sends traceparent decides
  service_name = "wharf"
  resource_attributes = { "deployment.environment.name" = "prod" }

  [database]
  url = "postgres://wharf@db/wharf"        # or sqlite:///path [sqlite, in data_dir]
  connections = 16                         # most connections of this node
  statement_timeout_seconds = 30           # longest time of one statement
  failover_seconds = 15                    # how long an operation waits for a server that is away
  transaction_pooler = false               # true behind pgbouncer in transaction mode
  replica_url = "postgres://wharf@db-2/w"  # a standby that answers lists [none]
  replica_wait_milliseconds = 50           # how long a list waits for it

  [[databases]]                            # another PostgreSQL database, for `wharf registry place` [none]
  name = "east"
  url = "postgres://wharf@db-east/wharf"

  [blobs]
  path = "/srv/blobs"                      # [data_dir/blobs]
  archive_path = "/mnt/cold"               # where layers go that only archived images need [path]
  # Or a bucket, in place of path and archive_path:
  # url = "s3://layers/prod"                 # a bucket and a prefix
  # [blobs.s3]                               # how the bucket is reached
  # endpoint = "http://s3.internal:9000"     # a server other than AWS [AWS]
  # public_endpoint = "https://s3.test"      # the same server, for clients that are redirected [endpoint]
  # region = "eu-west-1"                     # [region]
  # path_style = true                        # the bucket is in the path, not in the host [true with an endpoint]
  # access_key_id = "AKIA…"                  # with secret_access_key_file [the environment, or the machine's role]
  # secret_access_key_file = "/etc/s3.key"
  # sse = "aws:kms"                          # or "AES256" or "aws:kms:dsse" [what the bucket says]
  # sse_kms_key_id = "alias/layers"          # [AWS's key for S3]
  # serve = "stream"                         # or "redirect": clients read large layers from the bucket [stream]
  # hedge = true                             # a second GET for slow reads [true]

Example:
  wharf config check /etc/wharf.toml && wharf serve --config /etc/wharf.toml"#;
