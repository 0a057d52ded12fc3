import type { Component } from './component.ts';
import { forward } from './connectors/forward.ts';
import { noisyNeighbor } from './connectors/noisy-neighbor/noisy-neighbor.ts';
import { debug } from './exporters/debug/debug.ts';
import { file } from './exporters/file/file.ts';
import { otlpGrpc } from './exporters/otlp-grpc/otlp-grpc.ts';
import { otlpHttp } from './exporters/otlp-http/otlp-http.ts';
import { prometheus } from './exporters/prometheus/prometheus.ts';
import { table } from './exporters/table/table.ts';
import { admin } from './extensions/admin/admin.ts';
import { basicAuth } from './extensions/basic-auth.ts';
import { bearerTokenAuth } from './extensions/bearer-token-auth.ts';
import { fileStorage } from './extensions/file-storage/file-storage.ts';
import { healthCheck } from './extensions/health-check/health-check.ts';
import { oauth2Client } from './extensions/oauth2-client/oauth2-client.ts';
import { zpages } from './extensions/zpages/zpages.ts';
import { attributes } from './processors/attributes.ts';
import { batch } from './processors/batch.ts';
import { contention } from './processors/contention/contention.ts';
import { filter } from './processors/filter/filter.ts';
import { memoryLimiter } from './processors/memory-limiter.ts';
import { resource } from './processors/resource.ts';
import { resourceDetection } from './processors/resource-detection/resource-detection.ts';
import { sampling } from './processors/sampling/sampling.ts';
import { workload } from './processors/workload/workload.ts';
import { agent } from './receivers/agent.ts';
import { cgroup } from './receivers/cgroup/cgroup.ts';
import { otlp } from './receivers/otlp/otlp.ts';
import { otlpJsonFile } from './receivers/otlp-json-file/otlp-json-file.ts';
import { replay } from './receivers/replay/replay.ts';
import { scheduler } from './receivers/scheduler/scheduler.ts';

/** Every component there is; one that is not listed does not exist. */
export const components: readonly Component[] = [
  agent,
  cgroup,
  scheduler,
  otlp,
  otlpJsonFile,
  replay,
  workload,
  contention,
  sampling,
  memoryLimiter,
  filter,
  resourceDetection,
  resource,
  attributes,
  batch,
  forward,
  noisyNeighbor,
  debug,
  file,
  otlpGrpc,
  otlpHttp,
  prometheus,
  table,
  admin,
  fileStorage,
  healthCheck,
  zpages,
  basicAuth,
  bearerTokenAuth,
  oauth2Client,
];
