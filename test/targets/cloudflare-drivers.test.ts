import { afterAll } from 'vitest'
import { blobCases } from '../../core/tools/conformance/drivers/blob.ts'
import { kvCases } from '../../core/tools/conformance/drivers/kv.ts'
import { runCases } from '../drivers/contracts/run.ts'
import { casesInWorker, type CaseAnswer } from './worker-cases.ts'
import { bundleWorker, post, startModule } from './workerd.ts'

const ids = Array.from({ length: 120 }, (_, n) => `n${n}`)
const namespaces = ids.map((id) => [`KV_${id}`, { type: 'kv' as const, id }] as const)
const buckets = ids.map((name) => [`R2_${name}`, { type: 'r2' as const, name }] as const)
const mf = startModule(await bundleWorker('storage-worker.ts'), {
  env: Object.fromEntries<(typeof namespaces | typeof buckets)[number][1]>([...namespaces, ...buckets]),
})
afterAll(() => mf.dispose())

const send = async (id: string): Promise<CaseAnswer> => (await post(mf, id)) as CaseAnswer
/** The harness is the Worker's. */
const inWorker = (): never => {
  throw new Error('the cases run in the Worker')
}

runCases('kv driver Workers KV', casesInWorker(kvCases(inWorker, { ownClock: true }), send))
runCases('blob driver R2', casesInWorker(blobCases(inWorker), send))
