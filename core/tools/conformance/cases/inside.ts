/** List of all conformance cases that run inside the target; part of the fixture app. */
import type { InsideCase } from '../case.ts'
import { assetCases } from './assets.ts'
import { blobListCases } from './blob-list.ts'
import { blobConditionCases } from './blob-conditions.ts'
import { blobCases } from './blob.ts'
import { blobUploadCases } from './blob-uploads.ts'
import { cacheCases } from './cache.ts'
import { kvListCases } from './kv-list.ts'
import { kvCases } from './kv.ts'
import { queueDeliveryCases } from './queue-delivery.ts'
import { queueCases } from './queue.ts'
import { runtimeCodeCases } from './runtime-code.ts'
import { contextCases } from './runtime-context.ts'
import { syntaxCases } from './runtime-syntax.ts'
import { runtimeWebCases } from './runtime-web.ts'
import { runtimeCases } from './runtime.ts'
import { secretCases } from './secrets.ts'
import { serviceCases } from './service.ts'
import { sqlBatchCases } from './sql-batch.ts'
import { sqlResultCases } from './sql-results.ts'
import { sqlCases } from './sql.ts'
import { sqlEachCases } from './sql-each.ts'
import { sqlTransactionCases } from './sql-transaction.ts'
import { strongKvCases } from './strong-kv.ts'
import { waitUntilCases } from './wait-until.ts'

export const INSIDE_CASES: readonly InsideCase[] = [
  ...runtimeCases,
  ...runtimeWebCases,
  ...runtimeCodeCases,
  ...contextCases,
  ...syntaxCases,
  ...waitUntilCases,
  ...queueCases,
  ...queueDeliveryCases,
  ...kvCases,
  ...kvListCases,
  ...strongKvCases,
  ...blobCases,
  ...blobConditionCases,
  ...blobListCases,
  ...blobUploadCases,
  ...sqlCases,
  ...sqlResultCases,
  ...sqlBatchCases,
  ...sqlTransactionCases,
  ...sqlEachCases,
  ...cacheCases,
  ...secretCases,
  ...serviceCases,
  ...assetCases,
]
