import { hostname } from 'node:os';

/** In a pod the host is called like the pod, and would be another one after each update: there `$K8S_NODE_NAME` goes before. */
export function nodeName(environment: Readonly<Record<string, string | undefined>>): string {
  return environment.K8S_NODE_NAME || hostname();
}
