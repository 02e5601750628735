import { type Command, Option } from 'commander';
import { ENGINE_KINDS } from '../core/index.ts';
import {
  chooseEngine,
  type EngineChoice,
  type EngineSetting,
  inspectEngine,
} from '../engine/index.ts';
import type { Context } from './context.ts';

/** `--engine`, for commands that train. */
export function engineOption(command: Command): Command {
  return command.addOption(
    new Option('--engine <kind>', 'what computes; default: `training.engine`').choices([
      'auto',
      ...ENGINE_KINDS,
    ]),
  );
}

/**
 * The engine of the option, or of the configuration where it was not given.
 * @throws VamoError ENGINE_UNAVAILABLE when it cannot be used here
 */
export function engineFor(
  { config }: Pick<Context, 'config'>,
  option: EngineSetting | undefined,
): Promise<EngineChoice> {
  return chooseEngine(option ?? config.training.engine, (kind) => inspectEngine(kind, process.env));
}
