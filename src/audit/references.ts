import type { Reference } from './audit-result';

const ASVS = 'https://github.com/OWASP/ASVS/blob/v5.0.0_release/5.0/en/';
const V4 = `${ASVS}0x13-V4-API-and-Web-Service.md`;
const V6 = `${ASVS}0x15-V6-Authentication.md`;
const V11 = `${ASVS}0x20-V11-Cryptography.md`;
const V12 = `${ASVS}0x21-V12-Secure-Communication.md`;
const V16 = `${ASVS}0x25-V16-Security-Logging-and-Error-Handling.md`;
const API = 'https://owasp.org/API-Security/editions/2023/en/';
const CWE = 'https://cwe.mitre.org/data/definitions/';
const PCI = 'https://www.pcisecuritystandards.org/document_library/';

/** The requirements and weaknesses that findings refer to. Held to test/fixtures/requirements.json. Last checked 2026-11-22. */
export const REFERENCES = {
  brokenAuthentication: { name: 'OWASP API2:2023', url: `${API}0xa2-broken-authentication/` },
  misconfiguration: { name: 'OWASP API8:2023', url: `${API}0xa8-security-misconfiguration/` },
  inventory: { name: 'OWASP API9:2023', url: `${API}0xa9-improper-inventory-management/` },
  // What a proxy says in a header, nobody before it may say.
  asvs4_1_3: { name: 'ASVS 5.0 4.1.3', url: V4 },
  // Every way in is documented, and as strong as the others.
  asvs6_3_4: { name: 'ASVS 5.0 6.3.4', url: V6 },
  // An inventory of what there is of cryptography, certificates among it, is kept up to date.
  asvs11_1_2: { name: 'ASVS 5.0 11.1.2', url: V11 },
  // Versions of TLS; cipher suites; certificates of clients are trusted before they are believed.
  asvs12_1_1: { name: 'ASVS 5.0 12.1.1', url: V12 },
  asvs12_1_2: { name: 'ASVS 5.0 12.1.2', url: V12 },
  asvs12_1_3: { name: 'ASVS 5.0 12.1.3', url: V12 },
  // When, where, who, what.
  asvs16_2_1: { name: 'ASVS 5.0 16.2.1', url: V16 },
  // Sensitive data in logs.
  asvs16_2_5: { name: 'ASVS 5.0 16.2.5', url: V16 },
  // Authentication, successful or not; refusals; failures of security controls.
  asvs16_3_1: { name: 'ASVS 5.0 16.3.1', url: V16 },
  asvs16_3_2: { name: 'ASVS 5.0 16.3.2', url: V16 },
  asvs16_3_4: { name: 'ASVS 5.0 16.3.4', url: V16 },
  // Logs reach another system, where somebody is told of what they say.
  asvs16_4_3: { name: 'ASVS 5.0 16.4.3', url: V16 },
  omission: { name: 'CWE-223', url: `${CWE}223.html` },
  spoofing: { name: 'CWE-290', url: `${CWE}290.html` },
  certificateValidation: { name: 'CWE-295', url: `${CWE}295.html` },
  missingAuthentication: { name: 'CWE-306', url: `${CWE}306.html` },
  weakEncryption: { name: 'CWE-327', url: `${CWE}327.html` },
  privateInformation: { name: 'CWE-359', url: `${CWE}359.html` },
  secretsInLogs: { name: 'CWE-532', url: `${CWE}532.html` },
  insufficientLogging: { name: 'CWE-778', url: `${CWE}778.html` },
  insufficientDocumentation: { name: 'CWE-1059', url: `${CWE}1059.html` },
  // Audit logs are on everywhere; of invalid attempts; what each entry holds.
  pci10_2_1: { name: 'PCI DSS 4.0 10.2.1', url: PCI },
  pci10_2_1_4: { name: 'PCI DSS 4.0 10.2.1.4', url: PCI },
  pci10_2_2: { name: 'PCI DSS 4.0 10.2.2', url: PCI },
  // Logs are looked at by machines; a failure of the logging itself is noticed.
  pci10_4_1_1: { name: 'PCI DSS 4.0 10.4.1.1', url: PCI },
  pci10_7_2: { name: 'PCI DSS 4.0 10.7.2', url: PCI },
} as const satisfies { readonly [name: string]: Reference };
