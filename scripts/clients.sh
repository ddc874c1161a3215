#!/usr/bin/env bash
# Other people's clients against Skiff: the tests that kr8s carries in its source package, which use the official Python
# client too. Needs root, the internet's Python packages, and a release build.
# Usage: clients.sh [pytest options]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/packages.sh run test clients
skiff=${SKIFF_BINARY:-$(swift build -c release --static-swift-stdlib --show-bin-path)/skiff}
port=${SKIFF_CLIENTS_PORT:-16400}
registry=127.0.0.1:$((port + 1))
work=$(mktemp -d)
pids=()
finish() {
    "$skiff" delete --data-dir "$work/data" > /dev/null 2>&1 || true
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

python3 -m venv "$work/python"
pip=("$work/python/bin/pip" --disable-pip-version-check --quiet)
# The two bounds are what kr8s's tests were written with: newer ones move modules and wrap exceptions in groups.
"${pip[@]}" install kr8s "kubernetes<35" "httpx-ws<0.8" protobuf pytest pytest-asyncio pytest-timeout \
    pytest-rerunfailures trio lightkube pykube-ng kubernetes-asyncio kubernetes-validate
"${pip[@]}" download --no-deps --no-binary kr8s --dest "$work" kr8s
mkdir "$work/kr8s" && tar -xzf "$work"/kr8s-*.tar.gz --strip-components 1 -C "$work/kr8s"

cat > "$work/registry.yml" <<CONFIG
version: 0.1
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: $registry}
CONFIG
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
pids+=($!)
until curl -s -o /dev/null "http://$registry/v2/"; do sleep 0.1; done
Tests/Clients/images.sh "$registry"
printf 'mirrors: {"*": {endpoint: ["http://%s"]}, docker.io: {endpoint: ["http://%s"]}}\n' "$registry" "$registry" \
    > "$work/registries.yaml"

export KUBECONFIG=$work/kubeconfig
"$skiff" up --data-dir "$work/data" --https-listen-port "$port" --private-registry "$work/registries.yaml"
# The tests expect what a cluster of kubeadm's has: pods in kube-system, and an administrator of a certain name, whose
# certificate comes through a CertificateSigningRequest here.
kubectl -n kube-system run present --image=google_containers/pause
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/admin.key" -out "$work/admin.csr" \
    -subj /O=kubeadm:cluster-admins/CN=kubernetes-admin 2> /dev/null
kubectl create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin --group=kubeadm:cluster-admins
kubectl apply -f - <<CSR
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: kubernetes-admin}
spec:
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
  request: $(base64 -w0 "$work/admin.csr")
CSR
kubectl certificate approve kubernetes-admin
until [ -n "$(kubectl get csr kubernetes-admin -o jsonpath='{.status.certificate}')" ]; do sleep 0.1; done
kubectl get csr kubernetes-admin -o jsonpath='{.status.certificate}' | base64 -d > "$work/admin.crt"
cp "$KUBECONFIG" "$work/admin.kubeconfig"
export KUBECONFIG=$work/admin.kubeconfig
kubectl config set-credentials kubernetes-admin --embed-certs --client-certificate "$work/admin.crt" \
    --client-key "$work/admin.key" > /dev/null
kubectl config set-context --current --user kubernetes-admin > /dev/null
export SKIFF_KUBECONFIG=$KUBECONFIG SKIFF_KUBECTL=${KUBECTL:-$(command -v kubectl)}

cp Tests/Clients/skiff_cluster.py "$work/kr8s/conftest.py"
cd "$work/kr8s"
"$work/python/bin/python" -m pytest -q -o addopts= -o xfail_strict=false --timeout 120 "$@" kr8s/tests
