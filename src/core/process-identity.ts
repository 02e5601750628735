import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names one run of one process: a process id alone is reused by the system. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the system's ticks since boot and the boot's id; '' where the system does not tell. */
  readonly started: string;
  readonly host: string;
}

/** '' where the system does not tell; a process that has ended and waits to be reaped is no more. */
function startedOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // From field 3 on; the command name before it may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = ''] = fields;
    return 'ZX'.includes(state) ? '' : `${boot}/${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}

/** This process. */
export function ownProcess(): ProcessIdentity {
  return { pid: process.pid, started: startedOf(process.pid), host: hostname() };
}

/** Whether that very process of this host still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.started !== '') return startedOf(identity.pid) === identity.started;
  try {
    process.kill(identity.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
