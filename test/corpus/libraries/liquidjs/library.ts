import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['liquidjs'],
  requests: [
    { name: 'render', path: '/render', contains: '2020-02-03 a-b-c' },
    { name: 'partials', path: '/page', contains: '<li>Ä</li>' },
    { name: 'layout', path: '/layout', contains: '<main>7</main>' },
    { name: 'own tags', path: '/own', contains: 'Ada! later Ada' },
    { name: 'at once', path: '/sync', contains: 'yes' },
    { name: 'an error', path: '/bad', status: 400, contains: 'Error' },
  ],
})
