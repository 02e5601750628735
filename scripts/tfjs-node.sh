#!/usr/bin/env bash
# Makes the optional package @tensorflow/tfjs-node work without its vendor's download host.
#
#   scripts/tfjs-node.sh [--check]   --check only says whether it works, and exits 1 when not
#
# The npm package is installed without its install script, libtensorflow and the C headers are taken
# out of the pip wheel tensorflow-cpu (200 MB to download), and the package's addon is compiled against
# them with Node's own headers. Libraries and addon are kept in $TFJS_NODE_CACHE (~/.cache/vamo/tfjs-node),
# so that after `npm ci` a few seconds bring it back. package.json and the lock file stay as they are.
# Exit: 0 it works; 69 something this machine lacks, which is named; 1 anything else.
set -euo pipefail

version=4.22.0
tensorflow=2.15.1
wheel_sha256=54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
package=$repository/node_modules/@tensorflow/tfjs-node
addon=lib/napi-v8/tfjs_binding.node
cache=${TFJS_NODE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vamo/tfjs-node}
libraries=$cache/tensorflow-cpu-$tensorflow
# An addon belongs to the headers it was compiled with.
built=$cache/addon-$version-tensorflow-$tensorflow-node-$(node -p 'process.versions.modules')
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}

say() { echo "tfjs-node.sh: $*" >&2; }
die() {
  say "$*"
  exit 1
}
lacks() {
  say "cannot be built here: $*"
  exit 69
}

# The addon loads, is the TensorFlow asked for, and computes a derivative.
works() {
  (cd "$repository" && node -e '
    const tf = require("@tensorflow/tfjs-node");
    const w = tf.variable(tf.tensor2d([[1, 2], [3, 4]]));
    const x = tf.tensor2d([[5, 6]]);
    const { grads } = tf.variableGrads(() => tf.sum(tf.square(tf.matMul(x, w))));
    const found = Array.from(Object.values(grads)[0].dataSync()).join();
    const version = tf.backend().binding.TF_Version;
    if (tf.getBackend() !== "tensorflow" || found !== "230,340,276,408" || version !== process.argv[1])
      throw new Error(`backend ${tf.getBackend()}, TensorFlow ${version}, derivative ${found}`);
  ' "$tensorflow")
}

require_tools() {
  [[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] || lacks 'only Linux on x86-64 has such wheels'
  grep -qw avx /proc/cpuinfo || lacks 'TensorFlow needs a CPU with AVX'
  local tool
  for tool in npm python3 g++ make; do
    command -v "$tool" >/dev/null || lacks "$tool is missing"
  done
  python3 -m pip --version >/dev/null 2>&1 || lacks 'python3 has no pip'
  # It calls util.isNullOrUndefined, which Node 23 removed.
  (($(node -p 'process.versions.node.split(".")[0]') < 23)) ||
    lacks "tfjs-node $version does not run on Node 23 or newer"
}

install_package() {
  [[ -f $package/package.json ]] &&
    [[ $(node -p 'require(process.argv[1]).version' "$package/package.json") == "$version" ]] && return
  say "installing @tensorflow/tfjs-node $version"
  (cd "$repository" && npm install --no-save --save-dev --ignore-scripts --no-audit --no-fund --prefer-offline \
    "@tensorflow/tfjs-node@$version" >&2) || lacks 'npm could not install the package'
}

# Takes the two libraries and their headers out of the wheel. Any Python does: the wheel's is named.
fetch_libraries() {
  [[ -d $libraries ]] && return
  say "downloading tensorflow-cpu $tensorflow (200 MB)"
  mkdir -p "$cache"
  local fresh
  fresh=$(mktemp -d "$cache/fetch.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
    --implementation cp --platform manylinux_2_17_x86_64 -d "$fresh/wheel" \
    "tensorflow-cpu==$tensorflow" >&2 || lacks 'pip could not download the wheel'
  echo "$wheel_sha256  $(echo "$fresh"/wheel/*.whl)" | sha256sum --check --quiet >&2 ||
    die 'the wheel is not the one expected'
  python3 - "$fresh"/wheel/*.whl "$fresh/tensorflow" <<'PYTHON'
import pathlib, shutil, sys, zipfile

wheel, target = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
include = 'tensorflow/include/'
headers = tuple(include + p for p in ('tensorflow/c/', 'tensorflow/core/platform/', 'tensorflow/tsl/', 'tsl/', 'xla/tsl/'))
for name in wheel.namelist():
    if name.startswith(headers) and name.endswith('.h'):
        path = target / 'include' / name[len(include):]
    elif name.startswith('tensorflow/libtensorflow_'):
        path = target / 'lib' / pathlib.Path(name).name
    else:
        continue
    path.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(name) as source, open(path, 'wb') as file:
        shutil.copyfileobj(source, file, 1 << 20)
PYTHON
  local name
  for name in tensorflow_cc tensorflow_framework; do
    [[ -f $fresh/tensorflow/lib/lib$name.so.2 ]] || die "the wheel has no lib$name.so.2"
  done
  # The names that the package's build links with.
  ln -s libtensorflow_cc.so.2 "$fresh/tensorflow/lib/libtensorflow.so"
  ln -s libtensorflow_framework.so.2 "$fresh/tensorflow/lib/libtensorflow_framework.so"
  # Another run may have been first.
  mv -T "$fresh/tensorflow" "$libraries" 2>/dev/null || [[ -d $libraries ]]
  rm -rf "$fresh"
  trap - EXIT
}

# The addon finds its libraries at ../../deps/lib from itself. node-gyp is the one that npm carries.
build_addon() {
  [[ -f $built ]] && return
  say 'compiling the addon'
  local prefix gyp
  prefix=$(dirname "$(dirname "$(node -p 'process.execPath')")")
  [[ -f $prefix/include/node/node_api.h ]] || lacks "Node's headers are not in $prefix/include/node"
  gyp=$(dirname "$(readlink -f "$(command -v npm)")")/../node_modules/node-gyp/bin/node-gyp.js
  (cd "$package" && node "$gyp" rebuild --silent --nodedir="$prefix" --napi_build_version=8 \
    --module_name=tfjs_binding --module_path="$package/lib/napi-v8" >build.log 2>&1) || {
    tail -40 "$package/build.log" >&2
    die 'the addon does not compile'
  }
  rm -rf "$package/build"
  cp "$package/$addon" "$built.$$"
  mv "$built.$$" "$built"
}

place_addon() {
  mkdir -p "$(dirname "$package/$addon")"
  cp "$built" "$package/$addon"
}

case ${1:-} in
  --check)
    works
    exit
    ;;
  '') ;;
  *) die 'usage: tfjs-node.sh [--check]' ;;
esac
[[ -e $package/$addon ]] && works 2>/dev/null && exit
require_tools
install_package
fetch_libraries
rm -rf "$package/deps" "$package/lib"
ln -s "$libraries" "$package/deps"
build_addon
place_addon
works || die 'the addon was compiled but does not work'
say "@tensorflow/tfjs-node $version works, with TensorFlow $tensorflow from $libraries"
