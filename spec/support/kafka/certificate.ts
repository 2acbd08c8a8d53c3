import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate of 127.0.0.1 that a broker shows, and nobody but its owner has vouched for. */
export interface Certificate {
  readonly pem: string
  /** Of a broker with an SSL or SASL_SSL listener. */
  readonly props: Readonly<Record<string, string>>
  remove(): void
}

export const certificate = (): Certificate => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'))
  const [store, password] = [join(folder, 'broker.p12'), 'changeit']
  const pair = ['-genkeypair', '-alias', 'broker', '-keyalg', 'RSA', '-keysize', '2048', '-validity', '30', '-dname', 'CN=127.0.0.1']
  const access = ['-storetype', 'PKCS12', '-keystore', store, '-storepass', password]
  execFileSync('keytool', [...pair, '-ext', 'san=ip:127.0.0.1', ...access], { stdio: 'ignore' })
  const pem = execFileSync('keytool', ['-exportcert', '-rfc', '-alias', 'broker', ...access], { stdio: ['ignore', 'pipe', 'ignore'] })
  return {
    pem: pem.toString(),
    props: { 'ssl.keystore.location': store, 'ssl.keystore.password': password, 'ssl.keystore.type': 'PKCS12' },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
