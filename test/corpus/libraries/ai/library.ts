import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['ai'],
  requests: [
    {
      name: 'chat',
      path: '/chat',
      body: { messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }] },
      contains: 'text-delta',
    },
    { name: 'text stream', path: '/text', contains: 'one two three' },
    { name: 'generate', path: '/generate', contains: 'Hi there' },
    { name: 'object', path: '/object', contains: 'Lasagna' },
    { name: 'no object', path: '/no-object', status: 422, contains: 'AI_NoObjectGeneratedError' },
    { name: 'tools', path: '/tools', contains: '"temperature":22' },
  ],
})
