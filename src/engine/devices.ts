import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { delimiter, join } from 'node:path';

/** How WebGPU would reach a GPU here. `unknown`: it may be hardware, and cannot be told from outside. */
export interface GraphicsDevice {
  readonly kind: 'hardware' | 'software' | 'unknown' | 'none';
  readonly detail: string;
}

/** Where Linux distributions put driver manifests, below `vulkan/icd.d`. */
const DRIVER_FOLDERS = ['/etc', '/usr/local/share', '/usr/share', '/usr/local/etc'];
/** Vulkan drivers that compute on the CPU: SwiftShader, Mesa's lavapipe. */
const SOFTWARE = /swiftshader|lvp|lavapipe|llvmpipe/i;

/** Names of the NVIDIA GPUs that their driver's tool lists; none without driver. */
export function nvidiaGpus(): Promise<readonly string[]> {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  return new Promise((resolve) => {
    execFile('nvidia-smi', query, { timeout: 10_000 }, (error, stdout) => {
      resolve(error ? [] : stdout.split('\n').filter((line) => line.trim() !== ''));
    });
  });
}

/**
 * What WebGPU finds on this machine, by its files: nothing is loaded.
 * @param environment `VK_DRIVER_FILES` (or the older `VK_ICD_FILENAMES`) replaces the usual folders
 */
export async function graphicsDevice(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<GraphicsDevice> {
  const system = platform();
  if (system === 'darwin') return { kind: 'hardware', detail: 'Metal' };
  if (system === 'win32') return { kind: 'unknown', detail: 'Direct3D 12, hardware or software' };
  const files = [...(await listed('/dev/dri')), ...(await listed('/dev'))];
  const hasDevice = files.some((name) => /^(renderD|nvidia)\d+$/.test(name));
  return vulkanDevice(await vulkanDrivers(environment), hasDevice);
}

/** A driver may be installed without its device: real ones need a device file too. */
export function vulkanDevice(drivers: readonly string[], hasDevice: boolean): GraphicsDevice {
  const hardware = drivers.filter((library) => !SOFTWARE.test(library));
  const software = drivers.filter((library) => SOFTWARE.test(library));
  if (hardware.length > 0 && hasDevice)
    return { kind: 'hardware', detail: `Vulkan through ${hardware.join(', ')}` };
  if (software.length > 0)
    return { kind: 'software', detail: `Vulkan on the CPU through ${software.join(', ')}` };
  return {
    kind: 'none',
    detail: drivers.length > 0 ? 'Vulkan drivers, but no GPU' : 'no Vulkan driver',
  };
}

/** The libraries that the Vulkan driver manifests name. */
async function vulkanDrivers(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const named = environment['VK_DRIVER_FILES'] ?? environment['VK_ICD_FILENAMES'];
  const files =
    named === undefined
      ? (
          await Promise.all(
            DRIVER_FOLDERS.map(async (base) => {
              const folder = join(base, 'vulkan/icd.d');
              return (await listed(folder)).map((name) => join(folder, name));
            }),
          )
        ).flat()
      : named.split(delimiter);
  const libraries = await Promise.all(files.filter((f) => f.endsWith('.json')).map(libraryIn));
  return [...new Set(libraries.filter((library) => library !== undefined))];
}

/** The library in a manifest; undefined when it cannot be read. */
async function libraryIn(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /"library_path"\s*:\s*"([^"]+)"/.exec(text)?.[1];
}

const listed = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
