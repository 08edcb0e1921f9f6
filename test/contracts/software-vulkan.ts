import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where Debian's chromium keeps SwiftShader, a Vulkan driver that computes on the CPU, and a loader of drivers beside it. */
const CHROMIUM = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** The variables with which a process finds a Vulkan driver: the one that VK_ICD_FILENAMES names, else SwiftShader where it is installed. */
export function softwareVulkan(): Readonly<Record<string, string>> | undefined {
  const driver = process.env['VK_ICD_FILENAMES'] ?? CHROMIUM;
  if (!existsSync(driver)) return undefined;
  const before = process.env['LD_LIBRARY_PATH'];
  const folder = dirname(driver);
  return {
    VK_ICD_FILENAMES: driver,
    ...(existsSync(join(folder, 'libvulkan.so.1')) && {
      LD_LIBRARY_PATH: before ? `${before}:${folder}` : folder,
    }),
  };
}
