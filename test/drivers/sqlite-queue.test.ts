import { queue } from '../../adapters/drivers/sqlite/index.ts'
import { queueContract } from './contracts/queue.ts'
import { folderHarness } from './folder.ts'

queueContract('sqlite', () => folderHarness((options, context) => queue(options, context)))
