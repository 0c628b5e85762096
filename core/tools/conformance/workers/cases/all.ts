import type { WorkerCase } from '../case.ts'
import { BYTE_STREAMS } from './byte-streams.ts'
import { CACHE } from './cache.ts'
import { CACHE_ANSWERS } from './cache-answers.ts'
import { D1 } from './d1.ts'
import { D1_MORE } from './d1-more.ts'
import { D1_STATEMENTS, OBJECT_STATEMENTS } from './d1-statements.ts'
import { DRIVER_BINDINGS } from './driver-bindings.ts'
import { EXPORTS } from './exports.ts'
import { HANDLER } from './handler.ts'
import { HTML_ARGUMENTS } from './html-arguments.ts'
import { HTML_REWRITER } from './html-rewriter.ts'
import { INTERFACES } from './interfaces.ts'
import { KV } from './kv.ts'
import { KV_COERCION } from './kv-coercion.ts'
import { KV_LIST } from './kv-list.ts'
import { OBJECT } from './object.ts'
import { OWN_GLOBALS } from './own-globals.ts'
import { QUEUE } from './queue.ts'
import { OBJECT_SECTIONS } from './object-sections.ts'
import { PEERS } from './peers.ts'
import { R2 } from './r2.ts'
import { R2_CONDITIONS } from './r2-conditions.ts'
import { R2_LIST } from './r2-list.ts'
import { R2_METADATA } from './r2-metadata.ts'
import { SERVICE } from './service.ts'
import { STREAM_SOURCES } from './stream-sources.ts'

/** Every conformance case of the Workers facade that runs in the fixture Worker. */
export const WORKER_CASES: readonly WorkerCase[] = [
  ...KV,
  ...KV_COERCION,
  ...KV_LIST,
  ...R2,
  ...R2_CONDITIONS,
  ...R2_LIST,
  ...R2_METADATA,
  ...D1,
  ...D1_MORE,
  ...D1_STATEMENTS,
  ...QUEUE,
  ...CACHE,
  ...CACHE_ANSWERS,
  ...HANDLER,
  ...OWN_GLOBALS,
  ...INTERFACES,
  ...EXPORTS,
  ...DRIVER_BINDINGS,
  ...BYTE_STREAMS,
  ...SERVICE,
  ...HTML_REWRITER,
  ...HTML_ARGUMENTS,
  ...OBJECT,
  ...OBJECT_SECTIONS,
  ...OBJECT_STATEMENTS,
  ...PEERS,
  ...STREAM_SOURCES,
]
