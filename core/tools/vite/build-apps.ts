/** The artifacts of the app, built once Vite has written the pages. */
import type { Logger } from 'vite'
import { UnmoorError } from '../../errors.ts'
import { knownTargets } from '../build/adapters.ts'
import { buildApps } from '../build/build.ts'
import type { Project } from '../build/project.ts'
import { checkApp } from '../check/check.ts'
import { formatFinding, formatSummary } from '../check/report-text.ts'
import { didYouMean } from '../../option-table.ts'
import type { UnmoorViteOptions } from './options.ts'
import { viteError } from './project.ts'

/** Returns the targets of `vite build`. @throws `InvalidArgument` for a name that is no target. */
export function targetsOf({ config }: Project, { targets }: UnmoorViteOptions): string[] {
  const known = knownTargets(config)
  const chosen = targets ?? Object.keys(config.targets ?? {})
  for (const name of chosen)
    if (!known.includes(name))
      throw viteError(
        `unmoor({ targets }): there is no target "${name}".${didYouMean(name, known)} Targets: ` +
          `${known.join(', ')}.`,
      )
  return chosen.length === 0 ? ['node'] : [...new Set(chosen)]
}

/** Builds the app for its targets. @throws what builds throw, and what `unmoor check` counts as errors. */
export async function buildArtifacts(
  { projectDir }: Project,
  targets: readonly string[],
  { environment, check, logger }: Pick<UnmoorViteOptions, 'environment' | 'check'> & { logger: Logger },
): Promise<void> {
  const log = {
    info: (message: string) => logger.info(message),
    warn: (message: string) => logger.warn(message),
  }
  const built = await buildApps({ projectDir, targets, environment, log })
  for (const { target, outDir, ms } of built)
    logger.info(`unmoor: ${target}: ${outDir} (${Math.round(ms)} ms)`)
  if (check === false) return
  const checked = await checkApp({ projectDir, targets, environment })
  if (checked.findings.length === 0) return
  const text = [...checked.findings.map((finding) => formatFinding(finding, checked)), formatSummary(checked)]
  if (!checked.findings.some(({ severity }) => severity === 'error')) return logger.warn(text.join('\n'))
  throw new UnmoorError(
    'InvalidArgument',
    `unmoor check finds what the targets cannot honour:\n${text.join('\n')}\nSilence one with a comment: ` +
      '// unmoor-ignore RULE: why',
    { operation: 'check' },
  )
}
