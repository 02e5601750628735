import { type Config, loadConfig } from '../../config/index.ts';
import { ENGINE_KINDS } from '../../core/index.ts';
import { chooseEngine, type EngineChoice, inspectEngine } from '../../engine/index.ts';
import { checkMethod } from '../check-method.ts';
import { failed, type Finding } from './finding.ts';
import { checkDataRules, dataDirectoryFindings } from './data-directory.ts';
import { packageFindings } from './packages.ts';
import { toolFindings } from './tools.ts';

/** What a check needs to know of its caller. */
export interface Surroundings {
  /** The data directory, which may not be there yet. */
  readonly root: string;
  readonly configFiles: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Diagnosis {
  readonly items: readonly Finding[];
  /** What would compute; null when nothing can. */
  readonly engine: EngineChoice | null;
}

/** Looks at everything the pipeline needs or could use. Changes nothing, and never throws. */
export async function findings(around: Surroundings): Promise<Diagnosis> {
  const { config, finding } = await configuration(around);
  const engines = await engineFindings(around.environment);
  const chosen = await choice(config, engines);
  return {
    items: [
      ...(await packageFindings()),
      finding,
      ...(await dataDirectoryFindings(around.root)),
      ...engines.map(({ item }) => item),
      ...(chosen.fault ? [chosen.fault] : []),
      ...(await toolFindings()),
    ],
    engine: chosen.engine,
  };
}

async function configuration({ configFiles, root }: Surroundings) {
  const name = 'configuration';
  const files = configFiles.length > 0 ? configFiles.join(', ') : 'the defaults';
  try {
    const config = await loadConfig(configFiles);
    await checkMethod(config);
    await checkDataRules(root, config);
    const detail = `${files}, training.engine ${config.training.engine}`;
    return { config, finding: { name, state: 'ok', isRequired: true, detail } as const };
  } catch (error) {
    return { config: undefined, finding: failed(name, error) };
  }
}

async function engineFindings(environment: Surroundings['environment']) {
  return Promise.all(
    ENGINE_KINDS.map(async (kind) => {
      const report = await inspectEngine(kind, environment);
      const item: Finding = {
        name: `engine ${kind}`,
        state: report.isUsable ? 'ok' : kind === 'cpu' ? 'failed' : 'absent',
        isRequired: kind === 'cpu',
        detail: report.detail,
        mend: report.isUsable ? undefined : report.mend,
      };
      return { report, item };
    }),
  );
}

/** The engine of the configuration; a fault when it asks for one that cannot be used. */
async function choice(
  config: Config | undefined,
  engines: Awaited<ReturnType<typeof engineFindings>>,
): Promise<{ readonly engine: EngineChoice | null; readonly fault?: Finding }> {
  const setting = config?.training.engine ?? 'auto';
  const reports = engines.map(({ report }) => report);
  if (!reports.some(({ isUsable }) => isUsable)) return { engine: null };
  try {
    const engine = await chooseEngine(setting, (kind) => {
      const report = reports.find((r) => r.kind === kind);
      return report ? Promise.resolve(report) : Promise.reject(new RangeError(kind));
    });
    return { engine };
  } catch (error) {
    return { engine: null, fault: failed('training.engine', error) };
  }
}
