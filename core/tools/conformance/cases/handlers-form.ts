import { equal, ok, sha256 } from '../assert.ts'
import { wireCases } from '../case.ts'
import {
  BOUNDARY,
  CLOSE,
  file,
  MULTIPART,
  part,
  post,
  reads,
  refuses,
  toldFields,
  URL_ENCODED,
} from './form-tools.ts'

export const formCases = wireCases('handlers', [
  {
    id: 'handlers-166',
    contract: 'A quote and a backslash that a client escaped in a name or file name come unescaped.',
    async run(tools) {
      await reads(tools, [
        ['file name', file('name="f"; filename="a\\"b.txt"'), [['f', 'a"b.txt', 'text/plain', 'v']]],
        ['name', part('name="a\\"b"'), [['a"b', 'v']]],
        ['backslash', file('name="f"; filename="a\\\\b.txt"'), [['f', 'a\\b.txt', 'text/plain', 'v']]],
        ['both', part('name="\\\\\\"; x=\\""'), [['\\"; x="', 'v']]],
      ])
    },
  },
  {
    id: 'handlers-167',
    contract: 'Content-Transfer-Encoding of a part changes nothing: the bytes are the content.',
    async run(tools) {
      for (const [encoding, content] of [
        ['base64', 'aGVsbG8='],
        ['quoted-printable', 'a=3Db'],
        ['7bit', 'é'],
        ['nonsense', 'x'],
      ] as const) {
        const headers = [`Content-Transfer-Encoding: ${encoding}`]
        await reads(tools, [
          [`text, ${encoding}`, part('name="f"', content, headers), [['f', content]]],
          [
            `file, ${encoding}`,
            part('name="f"; filename="x"', content, ['Content-Type: a/b', ...headers]),
            [['f', 'x', 'a/b', content]],
          ],
        ])
      }
    },
  },
  {
    id: 'handlers-168',
    contract: 'filename* does not count where a filename is there.',
    run: (tools) =>
      reads(tools, [
        [
          'filename*',
          file(`name="f"; filename="plain.txt"; filename*=UTF-8''star%C3%A9.txt`),
          [['f', 'plain.txt', 'text/plain', 'v']],
        ],
        [
          'a broken filename*',
          file(`name="f"; filename="plain.txt"; filename*=nonsense`),
          [['f', 'plain.txt', 'text/plain', 'v']],
        ],
      ]),
  },
  {
    id: 'handlers-169',
    contract: 'Lines of a form may end in LF alone; line ends in the content stay as sent.',
    async run(tools) {
      const bare = (part('name="a"', 'one') + file('name="f"; filename="x"') + CLOSE).replaceAll('\r\n', '\n')
      const answer = await post(tools, bare)
      equal(
        [answer.status, await answer.json()],
        [
          200,
          await toldFields([
            ['a', 'one'],
            ['f', 'x', 'text/plain', 'v'],
          ]),
        ],
        'LF',
      )
      await reads(tools, [
        ['mixed', part('name="a"', 'a\nb\r\nc\rd\r').replace('"a"\r\n', '"a"\n'), [['a', 'a\nb\r\nc\rd\r']]],
        [
          'ends',
          part('name="a"', '\r\n\r\n') + part('name="b"', '\n'),
          [
            ['a', '\r\n\r\n'],
            ['b', '\n'],
          ],
        ],
      ])
    },
  },
  {
    id: 'handlers-170',
    contract: 'A charset, of the form or of a part, changes nothing: text is UTF-8.',
    run: (tools) =>
      reads(tools, [
        ['behind the boundary', part('name="é"', 'é'), [['é', 'é']], `${MULTIPART}; charset=iso-8859-1`],
        [
          'before the boundary',
          part('name="é"', 'é'),
          [['é', 'é']],
          `multipart/form-data; charset=utf-16; boundary=${BOUNDARY}`,
        ],
        ['of a part', part('name="f"', 'é', ['Content-Type: text/plain; charset=iso-8859-1']), [['f', 'é']]],
        [
          '_charset_',
          part('name="_charset_"', 'iso-8859-1') + part('name="f"', 'é'),
          [
            ['_charset_', 'iso-8859-1'],
            ['f', 'é'],
          ],
        ],
        [
          'urlencoded',
          'a=%C3%A9&b=é',
          [
            ['a', 'é'],
            ['b', 'é'],
          ],
          `${URL_ENCODED}; charset=UTF-8`,
        ],
      ]),
  },
  {
    id: 'handlers-171',
    contract:
      'A boundary may be quoted, the media type in any case; what is before the first boundary and after ' +
      'the last is left out, and a boundary within a line is content.',
    async run(tools) {
      const one = part('name="f"')
      await reads(tools, [
        ['quoted', one, [['f', 'v']], `multipart/form-data; boundary="${BOUNDARY}"`],
        ['case', one, [['f', 'v']], `Multipart/FORM-data; Boundary=${BOUNDARY}`],
        ['preamble', `before --\r\n--\r\n${one}`, [['f', 'v']]],
        ['empty lines', `\r\n\r\n${one}`, [['f', 'v']]],
        ['within a line', part('name="f"', `a--${BOUNDARY}--\r\nb`), [['f', `a--${BOUNDARY}--\r\nb`]]],
        ['almost', part('name="f"', `\r\n--${BOUNDARY.slice(1)}`), [['f', `\r\n--${BOUNDARY.slice(1)}`]]],
        ['no fields', '', []],
        ['no content', part('name="f"', ''), [['f', '']]],
      ])
      for (const tail of [`--${BOUNDARY}--`, `${CLOSE}behind --${BOUNDARY}\r\n${one}`]) {
        const answer = await post(tools, one + tail)
        equal(await answer.json(), await toldFields([['f', 'v']]), 'what is behind the last boundary')
      }
    },
  },
  {
    id: 'handlers-172',
    contract: 'Names and text of a form are UTF-8, byte order marks stay, and what is broken is U+FFFD.',
    async run(tools) {
      await reads(tools, [
        [
          'names',
          file('name="ü 😀"; filename="naïve 😀.txt"'),
          [['ü 😀', 'naïve 😀.txt', 'text/plain', 'v']],
        ],
        ['mark in text', part('name="f"', '\ufeffv\ufeff'), [['f', '\ufeffv\ufeff']]],
        ['mark in a name', part('name="\ufefff"'), [['\ufefff', 'v']]],
      ])
      const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
      const broken = [
        encode(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="f`),
        Uint8Array.of(0xff),
        encode('"\r\n\r\n'),
        Uint8Array.of(0xc3, 0x28, 0xff),
        encode(`\r\n${CLOSE}`),
      ]
      const bytes = new Uint8Array(broken.flatMap((piece) => [...piece]))
      equal(
        await (await post(tools, bytes)).json(),
        [{ name: 'f\ufffd', value: '\ufffd(\ufffd' }],
        'broken UTF-8',
      )
    },
  },
  {
    id: 'handlers-173',
    contract: 'A form is the same read from the request, its clone, a new Request, and a Response.',
    async run(tools) {
      const body = file('name="f\\"1"; filename="a\\"b.txt"; filename*=x') + part('name="a"', 'é\n') + CLOSE
      const told = await toldFields([
        ['f"1', 'a"b.txt', 'text/plain', 'v'],
        ['a', 'é\n'],
      ])
      for (const reader of ['request', 'clone', 'remade', 'response', 'bytes']) {
        const answer = await post(tools, body, MULTIPART, `/do/form/${reader}`)
        equal([answer.status, await answer.json()], [200, told], reader)
      }
    },
  },
  {
    id: 'handlers-174',
    contract:
      'A name of a file cannot pass for a parameter; of a doubled parameter the last counts, of a doubled ' +
      'header the first, and unknown ones are left out.',
    run: (tools) =>
      reads(tools, [
        [
          'in a file name',
          file('filename="; name=evil"; name="f"'),
          [['f', '; name=evil', 'text/plain', 'v']],
        ],
        ['parameter', part('name="f"; name="g"'), [['g', 'v']]],
        ['header', part('name="f"', 'v', ['Content-Disposition: form-data; name="g"']), [['f', 'v']]],
        ['unknown', part('name="f"; foo; bar=1;', 'v', ['X-Other: name="g"']), [['f', 'v']]],
      ]),
  },
  {
    id: 'handlers-175',
    contract: 'A form that is malformed or cut off is a TypeError, and the next request is served.',
    async run(tools) {
      const head = `--${BOUNDARY}\r\n`
      const cd = 'Content-Disposition: form-data; name="f"'
      await refuses(tools, [
        ['an empty body', ''],
        ['another boundary', part('name="f"').replaceAll(BOUNDARY, 'other') + CLOSE.replace(BOUNDARY, 'o')],
        ['no last boundary', part('name="f"')],
        ['half of the last boundary', `${part('name="f"')}--${BOUNDARY}-`],
        ['cut off in the headers', `${head}${cd}`],
        ['cut off in the content', `${head}${cd}\r\n\r\nv`],
        ['a boundary that goes on', part('name="f"', `a\r\n--${BOUNDARY}zzz\r\nb`) + CLOSE],
        ['no headers', `${head}\r\nv\r\n${CLOSE}`],
        ['no Content-Disposition', `${head}Content-Type: text/plain\r\n\r\nv\r\n${CLOSE}`],
        ['another disposition', `${head}Content-Disposition: attachment; name="f"\r\n\r\nv\r\n${CLOSE}`],
        ['no name', part('filename="x"') + CLOSE],
        ['a line that is no header', part('name="f"', 'v', ['nonsense']) + CLOSE],
        ['a folded header', part('\r\n name="f"') + CLOSE],
        ['NUL in a header', part('name="a\0b"') + CLOSE],
        ['no boundary in the type', part('name="f"') + CLOSE, 'multipart/form-data'],
        ['another type', 'a=1', 'text/plain'],
        ['a longer type', 'a=1', `${URL_ENCODED}x`],
        ['another multipart', part('name="f"') + CLOSE, `multipart/mixed; boundary=${BOUNDARY}`],
      ])
      equal((await post(tools, part('name="f"'))).status, 500, 'status where the app does not catch it')
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'handlers-176',
    contract: 'A form of 1,000 fields and one of a large file full of near boundaries are read whole.',
    async run(tools) {
      const many = Array.from({ length: 1000 }, (_, index) => part(`name="n${index}"`, `v${index}`)).join('')
      const all = (await (await post(tools, many + CLOSE)).json()) as { name: string; value: string }[]
      equal(all.length, 1000, 'fields')
      ok(
        all.every(({ name, value }, index) => name === `n${index}` && value === `v${index}`),
        'in order',
      )
      const near = `\r\n--${BOUNDARY.slice(0, -1)}`.repeat(10_000)
      await reads(tools, [
        [
          'a large file',
          part('name="f"; filename="x"', near, ['Content-Type: a/b']),
          [['f', 'x', 'a/b', near]],
        ],
      ])
    },
  },
  {
    id: 'handlers-177',
    contract: 'A form that the app makes is read back as it was made, and arrives so where it is sent.',
    async run(tools) {
      const bytes = Uint8Array.of(0, 13, 10, 45, 45, 255)
      const told = [
        { name: 'text', value: 'Zoë 😀' },
        { name: 'é ü', value: '' },
        { name: 'text', value: 'again' },
        { name: 'file', filename: 'naïve 1.bin', type: 'a/b', size: 6, sha256: await sha256(bytes) },
      ]
      equal(await (await tools.fetch('/do/form-plain')).json(), told, 'read back')
      equal(await (await tools.fetch('/do/form-self')).json(), told, 'sent')
    },
  },
  {
    id: 'handlers-178',
    contract:
      'Names are read as browsers write them: %22, %0D and %0A are characters and no other escape is, ' +
      'backslashes stay, names may be unquoted, keys in any case, and filename* counts where it is alone.',
    needs: 'request.forms',
    run: (tools) =>
      reads(tools, [
        [
          'escapes',
          file('name="a%22b"; filename="c%22d%0D%0ae%20%41.txt"'),
          [['a"b', 'c"d\r\ne%20%41.txt', 'text/plain', 'v']],
        ],
        ['a path', file('name="f"; filename="C:\\dir\\x.txt"'), [['f', 'C:\\dir\\x.txt', 'text/plain', 'v']]],
        ['a last backslash', file('name="f\\"; filename="dir\\"'), [['f\\', 'dir\\', 'text/plain', 'v']]],
        ['unquoted', file('name=f; filename=x.txt'), [['f', 'x.txt', 'text/plain', 'v']]],
        [
          'case',
          file('NAME="f"; FileName="x"').replace('form-data', 'FORM-Data'),
          [['f', 'x', 'text/plain', 'v']],
        ],
        ['an empty name', part('name=""'), [['', 'v']]],
        ['a boundary within the first line', `x --${BOUNDARY}\r\n${part('name="f"')}`, [['f', 'v']]],
        ['a blank behind the boundary', part('name="f"').replace(BOUNDARY, `${BOUNDARY} \t`), [['f', 'v']]],
        [
          'filename* first',
          file(`name="f"; filename*=UTF-8''star%C3%A9.txt; filename="plain.txt"`),
          [['f', 'plain.txt', 'text/plain', 'v']],
        ],
        [
          'filename* alone',
          file(`name="f"; filename*=utf-8'de'st%C3%A9.txt`),
          [['f', 'sté.txt', 'text/plain', 'v']],
        ],
        [
          'filename* in Latin-1',
          file(`name="f"; filename*=ISO-8859-1''st%E9.txt`),
          [['f', 'sté.txt', 'text/plain', 'v']],
        ],
      ]),
    async without(tools) {
      await reads(tools, [
        [
          'escapes',
          file('name="a%22b"; filename="c%22d%0D%0ae%20%41.txt"'),
          [['a%22b', 'c%22d%0D%0ae%20%41.txt', 'text/plain', 'v']],
        ],
        ['a path', file('name="f"; filename="C:\\dir\\x.txt"'), [['f', 'C:dirx.txt', 'text/plain', 'v']]],
        ['filename* alone', file(`name="f"; filename*=utf-8'de'st%C3%A9.txt`), [['f', 'v']]],
      ])
      await refuses(tools, [
        ['unquoted', part('name=f; filename=x.txt') + CLOSE],
        ['an empty name', part('name=""') + CLOSE],
      ])
    },
  },
  {
    id: 'handlers-179',
    contract: 'An empty file input is a File of size 0, and a file without a type is text/plain.',
    needs: 'request.forms',
    run: (tools) =>
      reads(tools, [
        [
          'an empty file input',
          part('name="f"; filename=""', '', ['Content-Type: application/octet-stream']),
          [['f', '', 'application/octet-stream', '']],
        ],
        ['no type', part('name="f"; filename="x"'), [['f', 'x', 'text/plain', 'v']]],
        ['an empty type', part('name="f"; filename="x"', 'v', ['Content-Type:']), [['f', 'x', '', 'v']]],
        [
          'a type in capitals',
          part('name="f"; filename="x"', 'v', ['Content-Type: Text/HTML']),
          [['f', 'x', 'text/html', 'v']],
        ],
      ]),
    without: (tools) =>
      reads(tools, [
        [
          'an empty file input',
          part('name="f"; filename=""', '', ['Content-Type: application/octet-stream']),
          [['f', '']],
        ],
        ['no type', part('name="f"; filename="x"'), [['f', 'x', '', 'v']]],
      ]),
  },
  {
    id: 'handlers-180',
    contract:
      'A URL-encoded form is UTF-8 whatever charset it claims; an escape that is none stays, one that is ' +
      'no UTF-8 is U+FFFD, and a byte order mark stays.',
    needs: 'request.forms',
    run: (tools) =>
      reads(tools, [
        [
          'escapes',
          'a=%zz&b=%E9é&+d=%&&=x&e&f=%C3%A9%FF&g=100%',
          [
            ['a', '%zz'],
            ['b', '\ufffdé'],
            [' d', '%'],
            ['', 'x'],
            ['e', ''],
            ['f', 'é\ufffd'],
            ['g', '100%'],
          ],
          URL_ENCODED,
        ],
        ['charset', 'a=é', [['a', 'é']], `${URL_ENCODED}; charset=iso-8859-1`],
        ['mark', '\ufeffa=1', [['\ufeffa', '1']], URL_ENCODED.toUpperCase()],
      ]),
    async without(tools) {
      await reads(tools, [['escapes', 'a=%zz', [['a', 'zz']], URL_ENCODED]])
      await refuses(tools, [['charset', 'a=é', `${URL_ENCODED}; charset=iso-8859-1`]])
    },
  },
  {
    id: 'handlers-181',
    contract:
      'A form that the app makes is written as browsers do: quotes and lines in names escaped, lines of ' +
      'text ended by CRLF, a file without a name still a file; and it is read back so.',
    needs: 'request.forms',
    async run(tools) {
      const answer = await tools.fetch('/do/form-sent')
      const boundary = /^multipart\/form-data; boundary=([\w-]+)$/.exec(
        answer.headers.get('content-type') ?? '',
      )?.[1]
      ok(boundary, 'a boundary in the content type')
      const head = `--${boundary}\r\nContent-Disposition: form-data; name=`
      equal(
        await answer.text(),
        `${head}"quote %22 and%0D%0Aline"\r\n\r\none\r\ntwo\r\nthree\r\n` +
          `${head}"é"; filename="q%22.txt"\r\nContent-Type: text/plain\r\n\r\ndata\r\n` +
          `${head}"unnamed"; filename=""\r\nContent-Type: text/plain\r\n\r\nx\r\n` +
          `${head}"blob"; filename="blob"\r\nContent-Type: text/plain\r\n\r\ny\r\n--${boundary}--\r\n`,
        'the form',
      )
      const told = await toldFields([
        ['quote " and\r\nline', 'one\r\ntwo\r\nthree'],
        ['é', 'q".txt', 'text/plain', 'data'],
        ['unnamed', '', 'text/plain', 'x'],
        ['blob', 'blob', 'text/plain', 'y'],
      ])
      equal(await (await tools.fetch('/do/form-read-back')).json(), [told, told], 'read back')
    },
    async without(tools) {
      const text = await (await tools.fetch('/do/form-sent')).text()
      ok(text.includes('name="quote %22 and%0Aline"\r\n\r\none\ntwo\r\nthree\r\n'), 'lines stay as they are')
      ok(text.includes('name="blob"; filename="blob"'), 'a blob has the name of its field')
    },
  },
])
