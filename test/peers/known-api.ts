/** Differences of the suite `api` that stay: tests of workerd's API by the names of their exports. */
import type { Known, KnownClass } from './known-difference.ts'

const DIFFERENCES: readonly (readonly [KnownClass, tests: string, reason: string])[] = [
  [
    'standard',
    'newReadableStreamSyncAlgorithmErrorsHandled newWritableStreamStartError syncErrorDuringStart ' +
      'jsSourceError',
    'what start() throws is thrown by the constructor, where workerd makes a stream that has failed',
  ],
  [
    'standard',
    'compressionGzip compressionDeflate',
    'they take the first chunk for the whole output; how it is cut into chunks nobody promises',
  ],
  ['standard', 'concurrentReadsRejected', 'several reads of one stream may wait at once'],
  [
    'standard',
    'readableGetDesiredSize',
    'a read without memory takes one chunk, where workerd joins several',
  ],
  ['standard', 'highWaterMarkValidated', 'a high water mark that is no size is a RangeError'],
  [
    'standard',
    'readableStreamReleaseLock writerDoubleClose',
    'methods that return promises reject, where workerd throws',
  ],
  [
    'standard',
    'testFormDataParser testFormDataSerializer formDataWithFilesBlobs invalidFormData',
    'lines of a form end with CRLF, and quotes and line breaks in names are percent-encoded',
  ],
  ['standard', 'sendFilesInFormdata', 'a file in a form is a File; the test asks for what an old flag keeps'],
  [
    'text',
    'cancelReadsOnReleaseLock readableStreamByteRespond readableStreamByteRespondWithNewView ' +
      'pipeThroughJsToInternalCloses pipeToInternalToJsClose pipeToInternalToJsSimple ' +
      'enqueueChunkMultipleTimesBytes readableStreamFromCancelRejectsWhenReturnNotMethod ' +
      'decompessionStreamUnhandledRejection',
    "the error is the same, and its message is that of the target's own streams",
  ],
  [
    'text',
    'invalidFormdataContentDisposition',
    'the message says which part of the form is wrong, and what to do',
  ],
]

export const KNOWN_API: readonly Known[] = DIFFERENCES.map(([kind, tests, reason]) => ({
  suite: 'api',
  test: new RegExp(` (?:${tests.replaceAll(' ', '|')})$`),
  class: kind,
  reason,
}))
