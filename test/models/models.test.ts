/** Models of what several processes agree on: no state breaks an invariant, and each wrong way is found. */
import { describe, expect, it } from 'vitest'
import { CRON_FAULTS, cronModel } from './cron.ts'
import { CLAIM_FAULTS, claimModel } from './data-claim.ts'
import { DEPLOY_FAULTS, deployModel } from './deploy.ts'
import { explore, printPath } from './explorer.ts'
import { OWNER_FAULTS, ownersModel } from './owners.ts'
import { QUEUE_FAULTS, queueModel } from './queue.ts'

describe.each([
  { name: 'cron claims', model: cronModel, faults: CRON_FAULTS },
  { name: 'queue leases', model: queueModel, faults: QUEUE_FAULTS },
  { name: 'data claims', model: claimModel, faults: CLAIM_FAULTS },
  { name: 'deploys', model: deployModel, faults: DEPLOY_FAULTS },
  { name: 'owners of objects', model: ownersModel, faults: OWNER_FAULTS },
] as { name: string; model: (wrong?: string) => ReturnType<typeof cronModel>; faults: readonly string[] }[])(
  '$name',
  ({ name, model, faults }) => {
    it(`${name}: no reachable state breaks an invariant, and success can be reached from each`, () => {
      const found = explore(model())
      console.info(`${name}: ${found.states} states, ${found.transitions} transitions`)
      if (found.violation !== undefined)
        expect.fail(`${found.violation.fault}: ${printPath(found.violation.path)}`)
      expect(found.states).toBeGreaterThan(100)
    })

    it.each(faults)(`${name}: the wrong way "%s" is found`, (fault) => {
      const { violation } = explore(model(fault))
      console.info(`${name}, ${fault}: ${violation?.fault}: ${printPath(violation?.path ?? [])}`)
      expect(violation?.fault).toBeTypeOf('string')
    })
  },
)
