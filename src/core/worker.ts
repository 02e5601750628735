import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread from a module of this project (see `siblingModule`). Run from sources, a
 * worker does not inherit the TypeScript loader on Node 20, so it registers it first.
 */
export function startWorker(module: URL, options: WorkerOptions): Worker {
  if (!module.pathname.endsWith('.ts')) return new Worker(module, options);
  const source =
    `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();` +
    `await import(${JSON.stringify(module.href)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), options);
}

/** What Node is called with to run a module of this project: from sources, with their loader. */
export function scriptArguments(module: URL): string[] {
  const loader = module.pathname.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [];
  return [...loader, fileURLToPath(module)];
}
