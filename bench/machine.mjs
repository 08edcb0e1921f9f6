// What was measured, and on what.
import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { root } from './project.mjs';

const said = (command, words) => {
  const { status, stdout } = spawnSync(command, words, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};

/** Processor, memory, Node, commit; the card too, for `--gpu`. */
export function describeMachine({ gpu }) {
  const processors = cpus();
  const changed = said('git', ['status', '--porcelain', '--untracked-files=no']);
  const head = said('git', ['rev-parse', '--short', 'HEAD']);
  const card = gpu
    ? said('nvidia-smi', ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'])
    : undefined;
  return {
    processor: `${processors[0]?.model.trim() ?? 'unknown'} × ${processors.length}`,
    memory: totalmem(),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    ...(head && { commit: changed ? `${head} with changes` : head }),
    ...(card && { card }),
    at: new Date().toISOString(),
  };
}

export function machineLine({ processor, memory, system, node, commit, card }) {
  const parts = [
    processor,
    `${(memory / 2 ** 30).toFixed(0)} GiB`,
    system,
    `Node ${node}`,
    commit && `commit ${commit}`,
    card,
  ];
  return parts.filter(Boolean).join(', ');
}
