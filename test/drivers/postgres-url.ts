/** The server that tests use: that of `UNMOOR_TEST_POSTGRES`, else the local one. */
export const URL_OF_SERVER =
  process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
