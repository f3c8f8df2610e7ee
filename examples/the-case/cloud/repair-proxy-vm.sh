#!/usr/bin/env bash
# proxy-vm: the Pod asks a proxy at 10.1.0.5, port 80, instead of 10.2.0.10.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a

make() {
gcloud compute firewall-rules create proxy-to-10-2-0-10-tcp-80-clients --project="$SOURCE_PROJECT" --network=my-network --direction=INGRESS --allow=tcp:80 --source-ranges=172.16.0.0/16,10.1.0.0/16 --target-tags=proxy-to-10-2-0-10-tcp-80
gcloud compute firewall-rules create proxy-to-10-2-0-10-tcp-80-checks --project="$SOURCE_PROJECT" --network=my-network --direction=INGRESS --allow=tcp:80 --source-ranges=130.211.0.0/22,35.191.0.0/16 --target-tags=proxy-to-10-2-0-10-tcp-80
gcloud compute health-checks create tcp proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --global --port=80 --check-interval=1 --timeout=1 --unhealthy-threshold=2 --healthy-threshold=2
gcloud compute health-checks create tcp proxy-to-10-2-0-10-tcp-80-healing --project="$SOURCE_PROJECT" --global --port=80 --check-interval=30 --timeout=10 --unhealthy-threshold=3 --healthy-threshold=1
gcloud compute instance-templates create proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --region=asia-northeast1 --machine-type=e2-small --subnet=projects/"$SOURCE_PROJECT"/regions/asia-northeast1/subnetworks/my-subnet --no-address --tags=proxy-to-10-2-0-10-tcp-80 --image-family=debian-12 --image-project=debian-cloud --metadata-from-file=startup-script=/dev/stdin <<'EOF'
#!/bin/sh
set -eu
export DEBIAN_FRONTEND=noninteractive
command -v nginx >/dev/null || { apt-get update && apt-get install --yes nginx libnginx-mod-stream; }
cat >/etc/nginx/nginx.conf <<'NGINX'
worker_processes 1;
events {}
http {
    server {
        listen 80;
        location / {
            proxy_pass http://10.2.0.10:80;
        }
    }
}
NGINX
nginx -t
systemctl restart nginx
EOF
gcloud compute instance-groups managed create proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --region=asia-northeast1 --size=2 --template=proxy-to-10-2-0-10-tcp-80 --health-check=proxy-to-10-2-0-10-tcp-80-healing --initial-delay=300
gcloud compute backend-services create proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --region=asia-northeast1 --load-balancing-scheme=INTERNAL --protocol=TCP --health-checks=proxy-to-10-2-0-10-tcp-80 --global-health-checks
gcloud compute backend-services add-backend proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --region=asia-northeast1 --instance-group=proxy-to-10-2-0-10-tcp-80 --instance-group-region=asia-northeast1
gcloud compute forwarding-rules create proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --region=asia-northeast1 --load-balancing-scheme=INTERNAL --network=projects/"$SOURCE_PROJECT"/global/networks/my-network --subnet=projects/"$SOURCE_PROJECT"/regions/asia-northeast1/subnetworks/my-subnet --address=10.1.0.5 --ip-protocol=TCP --ports=80 --backend-service=proxy-to-10-2-0-10-tcp-80
}

undo() {
gcloud compute forwarding-rules delete proxy-to-10-2-0-10-tcp-80 --quiet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute backend-services delete proxy-to-10-2-0-10-tcp-80 --quiet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute instance-groups managed delete proxy-to-10-2-0-10-tcp-80 --quiet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute instance-templates delete proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --quiet
gcloud compute health-checks delete proxy-to-10-2-0-10-tcp-80 --project="$SOURCE_PROJECT" --global --quiet
gcloud compute health-checks delete proxy-to-10-2-0-10-tcp-80-healing --project="$SOURCE_PROJECT" --global --quiet
gcloud compute firewall-rules delete proxy-to-10-2-0-10-tcp-80-clients --project="$SOURCE_PROJECT" --quiet
gcloud compute firewall-rules delete proxy-to-10-2-0-10-tcp-80-checks --project="$SOURCE_PROJECT" --quiet
}

case "${1:-make}" in make) make ;; undo) undo ;; *) echo "usage: repair-proxy-vm.sh [make|undo]" >&2; exit 2 ;; esac
