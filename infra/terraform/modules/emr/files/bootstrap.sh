#!/usr/bin/env bash
# EMR bootstrap action: installs cinemill and starts what belongs on this node, the scheduler on
# the primary, an executor on core and task nodes.
#
#   bootstrap.sh --release s3://bucket/cinemill-<version>-<arch>.tar.gz --sha256 <hex> \
#       --region <region> --state-dir s3://bucket/folder --log-group <name> \
#       [--autoscale <min>:<max>]
#
# {cluster} in the state's folder becomes the cluster's id, for clusters that share a definition.
# With --autoscale a controller on the primary keeps so many executors, core nodes included.
#
# EMR runs it as `hadoop`, before applications are installed, also on nodes that join later. It
# never waits for the scheduler: nodes start in any order, and executors look for it by themselves.
set -euo pipefail

# Tests install below another folder than /.
root="${CINEMILL_BOOTSTRAP_ROOT:-}"

fail() {
    # Both streams: which of them people look at first differs.
    printf 'cinemill bootstrap: %s\n' "$*" | tee /dev/stderr
    exit 1
}

release='' sha256='' region='' state_dir='' log_group='' autoscale=''
while [ $# -gt 0 ]; do
    case "$1" in
    --release) release="${2:?}" ;;
    --sha256) sha256="${2:?}" ;;
    --region) region="${2:?}" ;;
    --state-dir) state_dir="${2:?}" ;;
    --log-group) log_group="${2:?}" ;;
    --autoscale) autoscale="${2:?}" ;;
    *) fail "unknown argument: $1" ;;
    esac
    shift 2
done
for given in release sha256 region state_dir log_group; do
    [ -n "${!given}" ] || fail "--${given//_/-} is missing"
done
[[ -z $autoscale || $autoscale =~ ^[0-9]+:[0-9]+$ ]] || fail "--autoscale is not <min>:<max>"

# The first of EMR's files about this node that has the field; both folders have been seen.
node_info() {
    local folder
    for folder in "$root/mnt/var/lib/info" "$root/emr/instance-controller/lib/info"; do
        python3 - "$folder/$1" "$2" 2>/dev/null <<'PYTHON' && return
import json, sys
value = json.load(open(sys.argv[1]))[sys.argv[2]]
print(str(value).lower() if isinstance(value, bool) else value)
PYTHON
    done
    return 1
}

# --- what this node is -------------------------------------------------------------------------

is_master="$(node_info instance.json isMaster)" || fail "cannot tell whether this is the primary"
services=()
if [ "$is_master" = true ]; then
    services=(scheduler)
    [ -z "$autoscale" ] || services+=(autoscale)
    cluster="$(node_info job-flow.json jobFlowId)" || fail "cannot tell the cluster's id"
else
    services=(executor)
    scheduler="$(node_info job-flow.json masterPrivateDnsName)" ||
        scheduler="$(node_info extraInstanceData.json masterHost)" ||
        fail "cannot tell the primary's address"
fi

# --- the release -------------------------------------------------------------------------------

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
aws s3 cp --region "$region" --only-show-errors "$release" "$folder/release.tar.gz" ||
    fail "cannot read $release"
printf '%s  %s\n' "$sha256" "$folder/release.tar.gz" | sha256sum --check --status ||
    fail "$release does not have the checksum $sha256"

# One folder per checksum, so that a link says which release runs.
installed="/opt/cinemill/$sha256"
sudo mkdir -p "$root$installed" "$root/usr/local/bin"
sudo tar --extract --gzip --file "$folder/release.tar.gz" --directory "$root$installed" \
    --strip-components=1 --no-same-owner
for program in cinemill cinemill-scheduler cinemill-executor; do
    # Says at once if the release is for another architecture or a newer glibc.
    "$root$installed/$program" --version || fail "$program does not start on $(uname -m)"
done
sudo ln -sfn "$installed/cinemill-scheduler" "$installed/cinemill-executor" "$root/usr/local/bin/"
# Steps come without a region.
sudo tee "$root/usr/local/bin/cinemill" >/dev/null <<WRAPPER
#!/bin/sh
export AWS_REGION="\${AWS_REGION:-$region}"
exec "\$(dirname "\$0")/../../..$installed/cinemill" "\$@"
WRAPPER
sudo chmod 755 "$root/usr/local/bin/cinemill"

# --- folders and user --------------------------------------------------------------------------

id cinemill >/dev/null 2>&1 || sudo useradd --system --shell /sbin/nologin cinemill
# /mnt is EMR's volume for data; a full root disk would take the node down.
sudo install -d -o cinemill -g cinemill "$root/mnt/cinemill" "$root/var/log/cinemill"
sudo mkdir -p "$root/etc/systemd/system" "$root/etc/logrotate.d" \
    "$root/opt/aws/amazon-cloudwatch-agent/etc"

# --- the services ------------------------------------------------------------------------------

# What differs from service to service.
declare -A settings=()
confined='User=cinemill
ProtectSystem=strict
ReadWritePaths=/mnt/cinemill /var/log/cinemill'

scheduler_settings() {
    local command="/usr/local/bin/cinemill-scheduler --bind-host 0.0.0.0"
    command+=" --state-dir ${state_dir//\{cluster\}/$cluster}"
    # Nodes take minutes to come, should there be none. SIGTERM stops the runs' tasks, up to 20 s;
    # the runs go on with the next start.
    settings[scheduler]="$confined
Environment=CINEMILL_EXECUTOR_WAIT_S=1800
ExecStart=$command
TimeoutStopSec=60"
}

executor_settings() {
    local total_mb memory_mb
    total_mb=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$root/proc/meminfo") / 1024))
    # EMR's own daemons need memory too.
    memory_mb=$((total_mb - 4096 > total_mb / 2 ? total_mb - 4096 : total_mb / 2))
    local command="/usr/local/bin/cinemill-executor --bind-host 0.0.0.0"
    command+=" --scheduler $scheduler:50050 --memory-mb $memory_mb --work-dir /mnt/cinemill"
    # 110 s, since EC2 takes a spot instance away two minutes after its notice.
    command+=" --drain-deadline-s 110 --spot-notice"
    settings[executor]="$confined
ExecStart=$command
TimeoutStopSec=130"
}

autoscale_settings() {
    local command="/usr/local/bin/cinemill autoscale --target emr --cluster $cluster"
    command+=" --scheduler 127.0.0.1:50050 --min ${autoscale%:*} --max ${autoscale#*:}"
    command+=" --busy-marker /emr/metricscollector/isbusy"
    # Root, but with no other right than to touch EMR's busy marker: whose that is, and whether its
    # folder is there already, EMR does not say.
    settings[autoscale]="CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_FOWNER
ProtectSystem=full
ExecStart=$command
TimeoutStopSec=30"
}

for service in "${services[@]}"; do
    "${service}_settings"
    sudo tee "$root/etc/systemd/system/cinemill-$service.service" >/dev/null <<UNIT
[Unit]
Description=cinemill $service
Wants=network-online.target
After=network-online.target
# Again and again: whoever it waits for may take long to come.
StartLimitIntervalSec=0

[Service]
Environment=AWS_REGION=$region CINEMILL_LOG_FORMAT=json
${settings[$service]}
StandardOutput=append:/var/log/cinemill/$service.log
StandardError=append:/var/log/cinemill/$service.log
# One that was drained ends with 0 and stays away; 2 is a wrong command line.
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=5
KillSignal=SIGTERM
LimitNOFILE=65536
NoNewPrivileges=true
ProtectHome=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
UNIT
done

sudo tee "$root/etc/logrotate.d/cinemill" >/dev/null <<'LOGROTATE'
/var/log/cinemill/*.log {
    size 100M
    rotate 3
    compress
    copytruncate
    missingok
}
LOGROTATE

sudo systemctl daemon-reload
for service in "${services[@]}"; do
    sudo systemctl enable --now "cinemill-$service.service"
done

# --- logs --------------------------------------------------------------------------------------

logs=()
for service in "${services[@]}"; do
    logs+=("{ \"file_path\": \"/var/log/cinemill/$service.log\",
              \"log_group_name\": \"$log_group\",
              \"log_stream_name\": \"$service/{instance_id}\" }")
done
sudo tee "$root/opt/aws/amazon-cloudwatch-agent/etc/cinemill.json" >/dev/null <<AGENT
{
  "agent": { "region": "$region" },
  "logs": {
    "logs_collected": {
      "files": {
        "collect_list": [
            $(IFS=,; printf '%s' "${logs[*]}")
        ]
      }
    }
  }
}
AGENT
# A node without its logs in CloudWatch is better than no node.
if sudo yum install --quiet --assumeyes amazon-cloudwatch-agent; then
    sudo "$root/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config \
        -m ec2 -s -c "file:$root/opt/aws/amazon-cloudwatch-agent/etc/cinemill.json" ||
        echo 'cinemill bootstrap: the CloudWatch agent did not start' >&2
else
    echo 'cinemill bootstrap: no CloudWatch agent; logs stay in /var/log/cinemill' >&2
fi

echo "cinemill bootstrap: ${services[*]} installed from $release"
