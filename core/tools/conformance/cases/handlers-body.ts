import { equal, pattern, sha256 } from '../assert.ts'
import { wireCases } from '../case.ts'

export const bodyCases = wireCases('handlers', [
  {
    id: 'handlers-30',
    contract: 'All 256 byte values reach the handler and come back, passed through as a stream.',
    async run(tools) {
      const answer = await tools.fetch('/do/body', { method: 'POST', body: pattern(256) })
      equal(await answer.arrayBuffer(), pattern(256), 'body')
    },
  },
  {
    id: 'handlers-31',
    contract: 'All 256 byte values reach the handler and come back, read whole.',
    async run(tools) {
      const answer = await tools.fetch('/do/body-buffered', {
        method: 'POST',
        body: pattern(256),
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      })
      equal(await answer.arrayBuffer(), pattern(256), 'body')
    },
  },
  {
    id: 'handlers-32',
    contract: 'A body of text with any content type arrives as its UTF-8.',
    async run(tools) {
      for (const type of [
        'text/plain',
        'application/json',
        'application/xml; charset=utf-8',
        'image/svg+xml',
        'application/octet-stream',
      ]) {
        const answer = await tools.fetch('/do/text', {
          method: 'POST',
          body: 'Zoë 😀\r\n\t"',
          headers: { 'content-type': type },
        })
        equal(await answer.json(), { text: 'Zoë 😀\r\n\t"' }, type)
      }
    },
  },
  {
    id: 'handlers-33',
    contract: 'A JSON body is read with json(); one that is none makes the handler throw.',
    async run(tools) {
      const post = (body: string): Promise<Response> =>
        tools.fetch('/do/json', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      equal(await (await post('{"a":[1,"é"]}')).json(), { got: { a: [1, 'é'] } }, 'json')
      equal((await post('{oops')).status, 500, 'status of a body that is no JSON')
    },
  },
  {
    id: 'handlers-34',
    contract:
      'A multipart form gives its fields in order, repeated ones too, and files with name, type and ' +
      'exact bytes.',
    async run(tools) {
      const form = new FormData()
      form.append('text', 'Zoë 😀')
      form.append('list', '1')
      form.append('list', '')
      form.append('file', new File([pattern(256)], 'bytes é.bin', { type: 'application/x-test' }))
      form.append('empty', new File([], 'empty.txt', { type: 'text/plain' }))
      const answer = await tools.fetch('/do/form', { method: 'POST', body: form })
      equal(
        await answer.json(),
        [
          { name: 'text', value: 'Zoë 😀' },
          { name: 'list', value: '1' },
          { name: 'list', value: '' },
          {
            name: 'file',
            filename: 'bytes é.bin',
            type: 'application/x-test',
            size: 256,
            sha256: await sha256(pattern(256)),
          },
          { name: 'empty', filename: 'empty.txt', type: 'text/plain', size: 0, sha256: await sha256('') },
        ],
        'fields',
      )
    },
  },
  {
    id: 'handlers-35',
    contract: 'A URL-encoded form gives its fields in order, decoded.',
    async run(tools) {
      const body = 'a=1&b=x+y%2Bz&a=2&c=%26%3D&d=Zo%C3%AB&e'
      const answer = await tools.fetch('/do/form', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
      const fields = (await answer.json()) as { name: string; value: string }[]
      equal(
        fields.map(({ name, value }) => `${name}:${value}`),
        ['a:1', 'b:x y+z', 'a:2', 'c:&=', 'd:Zoë', 'e:'],
        'fields',
      )
    },
  },
  {
    id: 'handlers-36',
    contract: 'A body can be read once: bodyUsed tells, and reading again is a TypeError.',
    async run(tools) {
      equal(
        await (await tools.fetch('/do/body-twice', { method: 'POST', body: 'once' })).json(),
        { first: 'once', used: true, error: 'TypeError' },
        'answer',
      )
    },
  },
  {
    id: 'handlers-37',
    contract: 'A clone of the request has the same body, method and headers.',
    async run(tools) {
      const answer = await tools.fetch('/do/clone', {
        method: 'PUT',
        body: 'twice',
        headers: { 'x-kept': 'yes' },
      })
      equal(await answer.json(), { one: 'twice', two: 'twice', method: 'PUT', header: 'yes' }, 'answer')
    },
  },
  {
    id: 'handlers-38',
    contract: 'A handler may answer without reading the body, and the next request is served.',
    async run(tools) {
      for (let round = 0; round < 3; round++) {
        const answer = await tools.fetch('/do/ignore', { method: 'POST', body: pattern(200_000) })
        equal([answer.status, await answer.text()], [200, 'ignored'], 'answer')
      }
    },
  },
  {
    id: 'handlers-39',
    contract: 'A body sent in chunks without a length arrives whole.',
    async run(tools) {
      const connection = await tools.open({ method: 'POST', path: '/do/text', chunked: true })
      for (const part of ['one ', 'two ', 'ünd drei']) connection.chunk(part)
      connection.end()
      const answer = await connection.response()
      equal(JSON.parse(new TextDecoder().decode(answer.body)), { text: 'one two ünd drei' }, 'answer')
    },
  },
])
