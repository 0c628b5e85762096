import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { startHost } from '../../adapters/isolate/host/index.ts'
import type { AttackClass } from './attack.ts'
import { allBuilt, buildAll } from './builds.ts'
import { plant } from './package-copy.ts'
import type { Report } from './report.ts'
import { tryAttacks } from './runner.ts'
import { World } from './world.ts'

type Say = (line: string) => void

/** Tries each class once more against a copy of the package with its hole: its judge must see that. */
export async function tryHoles(
  classes: readonly AttackClass[],
  reports: readonly Report[],
  say: Say,
): Promise<void> {
  for (const one of classes) {
    const { hole } = one
    const begun = performance.now()
    await using copy = await plant(hole)
    await using world = await World.open([one], copy.startHost, await one.host?.())
    const results = await tryAttacks(one, world, hole.attacks)
    const seen = results.filter(({ outcome }) => outcome.result === 'harmful')
    const report = reports.find(({ class: name }) => name === one.name) as Report
    report.convicted = seen.length > 0
    const why = seen[0]?.outcome.result === 'harmful' ? seen[0].outcome.why.slice(0, 160) : ''
    say(
      `${one.name}: the hole "${hole.is}" was ${report.convicted ? `convicted (${why})` : `NOT CONVICTED: ${JSON.stringify(results)}`} ` +
        `(${((performance.now() - begun) / 1000).toFixed(1)} s)`,
    )
  }
}

/** What this machine lacks for processes that are kept apart from it; undefined where they can be. */
function guardLacks(): string | undefined {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  return ['/usr/bin/setpriv', '/bin/setpriv'].some(existsSync) ? undefined : 'setpriv'
}

/** Tries one attack of each class on a host under `guard`. False where one was harmful. */
export async function tryGuarded(classes: readonly AttackClass[], say: Say): Promise<boolean> {
  const lack = guardLacks()
  if (lack !== undefined) {
    say(`guard: skipped, this machine has no ${lack}`)
    return true
  }
  const each = classes
    .filter(({ host }) => host === undefined)
    .map((one) => ({ ...one, attacks: one.attacks.slice(0, 1) }))
  // The other user reads the artifacts.
  await buildAll()
  for (const dir of await allBuilt()) await chmod(dir, 0o755)
  await using world = await World.open(each, startHost, {
    guard: {
      user: 'nobody',
      permission: true,
      wrapper: ['setpriv', '--no-new-privs', '--pdeathsig', 'KILL'],
    },
  })
  let held = true
  for (const one of each) {
    for (const { attack, outcome } of await tryAttacks(one, world)) {
      if (outcome.result !== 'harmful') continue
      held = false
      say(`guard: harmful: ${one.name}: ${attack}: ${outcome.why}`)
    }
  }
  say(`guard: one attack of each of ${each.length} classes ${held ? 'did no harm' : 'did HARM'}`)
  return held
}
