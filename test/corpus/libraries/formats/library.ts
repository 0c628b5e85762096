import { defineLibrary } from '../../harness/library.ts'

const csv = 'name,amount,note\nAda,1.5,"a, ""b"""\nBob,2,ä\n\n'

export default defineLibrary({
  packages: ['papaparse', 'csv-parse', 'fast-xml-parser', 'yaml', 'msgpackr', 'qs'],
  requests: [
    { name: 'papaparse', path: '/papaparse', body: csv, contains: '"amount":1.5' },
    { name: 'csv-parse', path: '/csv-parse', body: csv, contains: 'Ada' },
    { name: 'xml', path: '/xml', body: '<r a="1"><i>x &amp; y</i><i>2</i></r>', contains: '@_a' },
    { name: 'yaml', path: '/yaml', body: 'a: &x [1, two]\nb: *x\nc: |\n  text\n', contains: 'two' },
    { name: 'msgpack', path: '/msgpack', body: 'päck', contains: '1099511627776' },
    { name: 'qs', path: '/qs?a%5Bb%5D%5B%5D=1&a%5Bb%5D%5B%5D=2&c=%C3%A4', contains: 'ä' },
  ],
})
