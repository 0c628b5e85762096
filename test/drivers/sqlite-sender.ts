/** Sends one message and ends: `sqlite-sender.ts DATA_DIR ID`. */
import { queue } from '../../adapters/drivers/sqlite/index.ts'
import { driverContext } from '../../core/tools/conformance/drivers/harness.ts'

const [dataDir = '', id = ''] = process.argv.slice(2)
const driver = await queue(
  {},
  {
    ...driverContext({}, { dataDir }),
    binding: 'jobs',
    declaration: { kind: 'queue', maxRetries: 3 } as never,
  },
)
await driver.send([{ id, contentType: 'json', body: '"x"', delaySeconds: 0 }])
await driver.close?.()
