/** What is read of the Runtime API's answers, however their bytes are cut. */
import { describe, expect, it } from 'vitest'
import { AnswerReader } from '../../adapters/lambda/runtime/api-answer.ts'

const text = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'))

interface Read {
  status: number
  body: string | undefined
  reusable: boolean
  reader: AnswerReader
}

/** The answer of bytes that come `size` at a time. */
function read(bytes: Buffer, size: number, ended = false): Read | undefined {
  const reader = new AnswerReader()
  for (let at = 0; at < bytes.byteLength; at += size) {
    const part = Buffer.from(bytes.subarray(at, at + size))
    reader.feed(part)
    // The buffer is used again for what comes next.
    part.fill(0x21)
  }
  const answer = ended ? reader.end() : reader.answer
  return answer === undefined
    ? undefined
    : { status: answer.status, body: answer.body, reusable: reader.reusable, reader }
}

describe.each([1, 2, 3, 7, 64, 65_536])('in parts of %d bytes', (size) => {
  it.each<[string, Buffer, { status: number; body: string; reusable?: boolean }]>([
    [
      'a body of a length',
      text('HTTP/1.1 200 OK', 'Content-Length: 7', '', 'ä {"a"'),
      { status: 200, body: 'ä {"a"' },
    ],
    ['no body', text('HTTP/1.1 202 Accepted', 'content-length: 0', '', ''), { status: 202, body: '' }],
    ['204', text('HTTP/1.1 204 No Content', '', ''), { status: 204, body: '' }],
    [
      'chunks',
      text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '4', 'ab\r\n', '3;x=y', 'ä!', '0', '', ''),
      { status: 200, body: 'ab\r\nä!' },
    ],
    [
      'chunks with trailers',
      text('HTTP/1.1 200 OK', 'transfer-encoding: Chunked', '', 'A ', '0123456789', '0', 'x-sum: 1', '', ''),
      { status: 200, body: '0123456789' },
    ],
    [
      'an answer that closes',
      text('HTTP/1.1 403 Forbidden', 'Connection: close', 'Content-Length: 2', '', 'no'),
      { status: 403, body: 'no', reusable: false },
    ],
    [
      'HTTP/1.0',
      text('HTTP/1.0 500 No', 'content-length: 1', '', '!'),
      { status: 500, body: '!', reusable: false },
    ],
    [
      'HTTP/1.0 that stays',
      text('HTTP/1.0 200 OK', 'connection: keep-alive', 'content-length: 1', '', '!'),
      { status: 200, body: '!' },
    ],
    [
      '100 first',
      text('HTTP/1.1 100 Continue', 'x: y', '', 'HTTP/1.1 200 OK', 'content-length: 2', '', 'ok'),
      { status: 200, body: 'ok' },
    ],
  ])('%s', (_, bytes, { status, body, reusable = true }) => {
    expect(read(bytes, size)).toMatchObject({ status, body, reusable })
    // One byte less is no answer yet.
    expect(read(bytes.subarray(0, -1), size)).toBeUndefined()
  })

  it('a body up to the end of the connection', () => {
    const bytes = text('HTTP/1.1 200 OK', '', 'all of it')
    expect(read(bytes, size)).toBeUndefined()
    expect(read(bytes, size, true)).toMatchObject({ status: 200, body: 'all of it', reusable: false })
  })

  it('a body that is cut off has none, a head that is cut off is no answer', () => {
    expect(read(text('HTTP/1.1 200 OK', 'content-length: 10', '', 'half'), size, true)).toMatchObject({
      status: 200,
      body: undefined,
    })
    expect(
      read(text('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '5', 'half'), size, true),
    ).toMatchObject({ status: 200, body: undefined })
    expect(read(text('HTTP/1.1 200 OK', 'content-le'), size, true)).toBeUndefined()
  })

  it.each([
    ['no HTTP', text('SSH-2.0-OpenSSH', '', '')],
    ['a line that is no header', text('HTTP/1.1 200 OK', 'nothing', '', '')],
    ['a length that is none', text('HTTP/1.1 200 OK', 'content-length: -1', '', '')],
    ['another encoding', text('HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked', '', '')],
    ['a chunk without a size', text('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', 'xyz', '')],
    ['a chunk that is too long', text('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '2', 'abc', '')],
  ])('%s is refused', (_, bytes) => {
    expect(() => read(bytes, size)).toThrow(TypeError)
  })
})

it('does not use a connection again on which more came than was asked for', () => {
  expect(read(text('HTTP/1.1 200 OK', 'content-length: 2', '', 'okHTTP/1.1 200 OK'), 65_536)).toMatchObject({
    body: 'ok',
    reusable: false,
  })
})

it('has headers by lower-case name', () => {
  const found = read(
    text('HTTP/1.1 200 OK', 'Lambda-Runtime-Aws-Request-Id:  8476a536 ', 'content-length: 0', '', ''),
    65_536,
  )
  expect(found?.reader.answer?.headers.get('lambda-runtime-aws-request-id')).toBe('8476a536')
})

it('ends a head without an end', () => {
  const reader = new AnswerReader()
  reader.feed(text('HTTP/1.1 200 OK', ''))
  expect(() => {
    for (let index = 0; index < 40; index++) reader.feed(Buffer.alloc(65_536, 'a'))
  }).toThrow(/no end/)
})
