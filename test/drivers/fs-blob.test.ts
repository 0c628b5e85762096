import { blob } from '../../adapters/drivers/fs/index.ts'
import { blobContract } from './contracts/blob.ts'
import { folderHarness } from './folder.ts'

blobContract('fs', () => folderHarness((options, context) => blob(options, context)))
