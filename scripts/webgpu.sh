#!/usr/bin/env bash
# Installs a software Vulkan device, so that the WebGPU provider can be tested without a GPU:
# SwiftShader comes with Debian's package chromium. Does nothing where a Vulkan device is set up.
# Never fails: where it cannot install, it says why, and test/services/webgpu.test.ts says it was skipped.
set -uo pipefail

icd=/usr/lib/chromium/vk_swiftshader_icd.json
loader() { ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1'; }
say() { echo "webgpu: $*" >&2; }

if [ -n "${VK_ICD_FILENAMES:-}" ] && loader; then
  say "using VK_ICD_FILENAMES=$VK_ICD_FILENAMES"
elif [ -f "$icd" ] && loader; then
  say "SwiftShader is installed: $icd"
elif [ "$(uname -s)" != Linux ] || ! command -v apt-get >/dev/null; then
  say "NOT INSTALLED: no apt-get here. WebGPU is tested only where a device exists already."
elif [ "$(id -u)" != 0 ]; then
  say "NOT INSTALLED: not root. Run: sudo apt-get install -y --no-install-recommends chromium libvulkan1"
elif apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium libvulkan1 >/dev/null && [ -f "$icd" ]; then
  say "installed SwiftShader: $icd"
else
  say "NOT INSTALLED: apt-get could not install chromium and libvulkan1, or the package holds no $icd."
fi
exit 0
