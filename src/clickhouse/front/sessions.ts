import type { Session } from 'chdb';
import { identifier, literal } from '../sql-text.ts';

/** What a session is set to before a statement runs in it. */
interface SessionKind {
  readonly database: string;
  readonly readsOnly: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

export interface Sessions {
  /** Runs `work` in a session of this kind that runs nothing else meanwhile. */
  use<T>(kind: SessionKind, work: (session: Session) => Promise<T>): Promise<T>;
  close(): void;
}

/** Statements that run at once; the others wait. */
const LIMIT = 6;

/**
 * Sessions of one engine directory by what they are set to. What a statement sets would stay in its
 * session, so requests with other settings get another one, and none is ever set back.
 */
export function createSessions(open: () => Session): Sessions {
  const idle: { readonly key: string; readonly session: Session }[] = [];
  const waiting: (() => void)[] = [];
  let busy = 0;

  async function make({ database, readsOnly, settings }: SessionKind): Promise<Session> {
    const session = open();
    try {
      if (database !== 'default') await session.queryAsync(`USE ${identifier(database)}`);
      const set = Object.entries(settings).map(([k, v]) => `${identifier(k)} = ${literal(v)}`);
      // Last, since nothing can be set after it.
      if (readsOnly) set.push('readonly = 1');
      if (set.length > 0) await session.queryAsync(`SET ${set.join(', ')}`);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async function take(key: string, kind: SessionKind): Promise<Session> {
    const at = idle.findLastIndex((one) => one.key === key);
    const [found] = at < 0 ? [] : idle.splice(at, 1);
    if (found !== undefined) return found.session;
    if (idle.length + busy > LIMIT) idle.shift()?.session.close();
    return make(kind);
  }

  return {
    async use(kind, work) {
      while (busy >= LIMIT) await new Promise<void>((resolve) => waiting.push(resolve));
      busy += 1;
      try {
        const key = JSON.stringify([kind.database, kind.readsOnly, Object.entries(kind.settings)]);
        const session = await take(key, kind);
        try {
          return await work(session);
        } finally {
          idle.push({ key, session });
        }
      } finally {
        busy -= 1;
        waiting.shift()?.();
      }
    },
    close() {
      for (const { session } of idle.splice(0)) session.close();
    },
  };
}
