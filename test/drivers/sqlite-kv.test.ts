import { kv } from '../../adapters/drivers/sqlite/index.ts'
import { kvContract } from './contracts/kv.ts'
import { folderHarness } from './folder.ts'

kvContract('sqlite', () => folderHarness((options, context) => kv(options, context)))
