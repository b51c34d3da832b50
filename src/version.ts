// Read from where the compiled file lies, build/src: the package's own manifest, in a checkout and installed alike.
const manifest = require('../../package.json') as { name: string; version: string };

export const PACKAGE_NAME = manifest.name;
export const PACKAGE_VERSION = manifest.version;
