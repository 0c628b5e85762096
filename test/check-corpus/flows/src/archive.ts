export class Archive {
  static open(all) {
    return new Archive(all.files)
  }

  constructor(files) {
    this.files = files
  }

  files

  async store(): Promise<void> {
    await this.files.put('f'.repeat(1025), 'x') // expect: blob-key
  }
}
