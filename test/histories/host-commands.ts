/**
 * What a host must hold over a long time and many faults: `owners [--increments N] [--kills N] [--pauses N]`,
 * `deploys [--changes N]`, `power-cuts [--cuts N]`. The last line is the report as JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildLab, labApp } from '../targets/host-lab.ts'
import { deploysHistory } from './deploys.ts'
import { hostPowerCuts } from './host-power-cuts.ts'
import { ownersHistory } from './owners.ts'
import { powerCutsLack } from './power-cut.ts'

/** Runs a history of hosts by its name. Resolves to the exit code. */
export async function hostCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      increments: { type: 'string', default: '10000' },
      kills: { type: 'string', default: '3' },
      pauses: { type: 'string', default: '3' },
      changes: { type: 'string', default: '1000' },
      cuts: { type: 'string', default: '100' },
    },
  })

  const number = (name: keyof typeof values): number => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a whole number from 0.`)
    return value
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`)

  const HISTORIES: Readonly<Record<string, () => Promise<{ report: object; isRight: boolean }>>> = {
    async owners() {
      const plan = { increments: number('increments'), kills: number('kills'), pauses: number('pauses') }
      const report = await ownersHistory(plan, say)
      return { report, isRight: report.twice.length + report.lost + report.odd.length === 0 }
    },
    async deploys() {
      const report = await deploysHistory(number('changes'), say)
      return { report, isRight: report.failed.length + report.miscounted.length === 0 }
    },
    async 'power-cuts'() {
      const lack = powerCutsLack()
      if (lack !== undefined) throw new Error(`Power cuts need ${lack}, which this machine has not.`)
      const artifact = await buildLab(labApp('kv: kv()'))
      try {
        const report = await hostPowerCuts(artifact, number('cuts'))
        return { report, isRight: report.lost.length === 0 && report.acknowledged === report.cuts }
      } finally {
        await rm(artifact, { recursive: true, force: true })
      }
    },
  }

  const history = HISTORIES[positionals[0] ?? '']
  if (history === undefined || positionals.length !== 1) {
    console.error(`Name one of ${Object.keys(HISTORIES).join(', ')}.`)
    return 2
  }
  const builds = await mkdtemp(join(tmpdir(), 'unmoor-histories-'))
  process.env['UNMOOR_TEST_BUILDS'] = builds
  try {
    const begun = performance.now()
    const { report, isRight } = await history()
    say(`${Math.round((performance.now() - begun) / 1000)} s`)
    console.log(JSON.stringify(report))
    return isRight ? 0 : 1
  } finally {
    await rm(builds, { recursive: true, force: true })
  }
}
