import { once } from 'node:events';
import type { Server } from 'node:http';
import type { ErrorCode } from './error-codes.ts';
import { systemCode, VamoError } from './errors.ts';

/**
 * Lets a server listen and answers the port it has then.
 * @param at.port 0 = any free one
 * @param failed what a place that cannot be had is reported as: the code, and who wanted it
 * @throws VamoError of that code
 */
export async function listen(
  server: Server,
  at: { readonly host: string; readonly port: number },
  failed: { readonly code: ErrorCode; readonly who: string },
): Promise<number> {
  const { host, port } = at;
  server.listen(port, host);
  await once(server, 'listening').catch((cause: unknown) => {
    throw new VamoError(
      failed.code,
      `${failed.who}: cannot listen on ${host}:${port} (${systemCode(cause) ?? String(cause)})`,
      { details: { host, port }, cause },
    );
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
