import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { hostPowerCuts } from '../histories/host-power-cuts.ts'
import { powerCutsLack } from '../histories/power-cut.ts'
import { buildLab, labApp } from './host-lab.ts'

test.skipIf(powerCutsLack() !== undefined)(
  'a host serves after each of 100 power cuts what it has acknowledged',
  async () => {
    const artifact = await buildLab(labApp('kv: kv()'))
    try {
      expect(await hostPowerCuts(artifact, 100)).toEqual({ cuts: 100, acknowledged: 100, lost: [] })
    } finally {
      await rm(artifact, { recursive: true, force: true })
    }
  },
  1_200_000,
)
