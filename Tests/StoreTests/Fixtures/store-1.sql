BEGIN TRANSACTION;
CREATE TABLE blocks (
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE,
  number INTEGER NOT NULL,
  noise_class TEXT NOT NULL,
  void_reasons_json TEXT NOT NULL,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "blocks" VALUES('20261124-055952-0aac',0,'noisy','[]');
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO "grdb_migrations" VALUES('1 runs, blocks and trials');
CREATE TABLE runs (
  id TEXT NOT NULL PRIMARY KEY,
  scenario TEXT NOT NULL,
  profile TEXT NOT NULL,
  started REAL NOT NULL,
  finished REAL,
  exit TEXT NOT NULL,
  stop_reason TEXT,
  seed INTEGER NOT NULL,
  version TEXT NOT NULL,
  command TEXT NOT NULL,
  worker_sha256 TEXT NOT NULL,
  injection TEXT,
  scenario_json TEXT NOT NULL,
  profile_json TEXT NOT NULL,
  environments_json TEXT NOT NULL,
  workloads_json TEXT NOT NULL,
  host_json TEXT NOT NULL,
  warnings_json TEXT NOT NULL
) STRICT;
INSERT INTO "runs" VALUES('20261124-055952-0aac','network-hop','quick',817192792.297477,8.17192803298985481243e+08,'completed','every claim had its verdict',611642391,'0.1.0','bench run network-hop --profile quick --seed 611642391','7dd416b0aef5ee2c3061f82bc143c3be8bc2cc68fa0f36dff9d77385137c05c5',NULL,'{"baseline":"native","claims":[{"environment":"bridge","id":"net-hop","margin":0.1,"metric":"rtt_p50","quantity":"ratio","refutedReason":"A round trip across a veth pair and a bridge, the path of an ordinary container, takes at most 10 % longer than over the host''s own loopback.","region":{"above":1.1},"section":"Wrapping a process into a virtual network host","statement":"A container''s own network stack makes every packet slower.","supportedReason":"A round trip across a veth pair and a bridge, the path of an ordinary container, takes more than 10 % longer than over the host''s own loopback.","workload":"udp-rr-spin"},{"environment":"netns","id":"net-namespace","margin":0.05,"metric":"rtt_p50","quantity":"ratio","refutedReason":"A round trip over the loopback of a fresh namespace takes at most 5 % longer than over the host''s own: what costs is the path between namespaces, not the namespace.","region":{"above":1.05},"section":"Wrapping a process into a virtual network host","statement":"Wrapping a process into a network namespace costs, as such.","supportedReason":"A round trip over the loopback of a fresh namespace takes more than 5 % longer than over the host''s own.","workload":"udp-rr-spin"}],"description":"One request, one reply, one in flight: the same worker over the host''s loopback, over the loopback of a fresh network namespace, across a veth pair, and across a Linux bridge. Each environment adds one layer to the one before, so the ladder says what each layer costs on this host.","environments":["native","netns","veth","bridge"],"name":"network-hop","profiles":{"quick":{"budgetSeconds":50,"confidence":0.99,"looks":[8,12,18,27,40],"warmupMilliseconds":20,"windowMilliseconds":150,"workloads":["udp-rr-spin"]},"standard":{"budgetSeconds":300,"confidence":0.99,"looks":[8,12,18,27,40],"warmupMilliseconds":50,"windowMilliseconds":500,"workloads":["udp-rr-spin","tcp-rr-spin"]},"thorough":{"budgetSeconds":2400,"confidence":0.99,"looks":[8,12,18,27,40],"warmupMilliseconds":100,"windowMilliseconds":1000}},"schema":"bench.scenario/1","title":"What a network hop of a container costs","workloads":[{"kind":"udp-rr","name":"udp-rr-spin","placement":"split","size":64,"wait":"spin"},{"kind":"tcp-rr","name":"tcp-rr-spin","placement":"split","size":64,"wait":"spin"},{"kind":"udp-rr","name":"udp-rr-block","placement":"split","size":64,"wait":"block"},{"kind":"tcp-rr","name":"tcp-rr-block","placement":"split","size":64,"wait":"block"}]}','{"budgetSeconds":50,"confidence":0.99,"looks":[8,12,18,27,40],"warmupMilliseconds":20,"windowMilliseconds":150,"workloads":["udp-rr-spin"]}','[{"layer":"the host''s own network stack","name":"native","summary":"the host''s own loopback interface"},{"layer":"a network namespace","name":"netns","summary":"the loopback interface of one fresh network namespace"},{"layer":"a second namespace and a veth pair","name":"veth","summary":"two network namespaces joined by a veth pair"},{"layer":"a second veth pair and a Linux bridge","name":"bridge","summary":"two network namespaces, each joined by a veth pair to one Linux bridge, without bridge netfilter"}]','["udp-rr-spin"]','{"architecture":"x86_64","client_cpu":0,"clock_source":"tsc","cpu_count":2,"cpu_model":"AMD EPYC","distribution":"Debian GNU/Linux 12 (bookworm)","hostname":"h","kernel":"6.18.44-fc-v657","memory_bytes":25276510208,"mitigations":{"gather_data_sampling":"Not affected","ghostwrite":"Not affected","indirect_target_selection":"Not affected","itlb_multihit":"Not affected","l1tf":"Not affected","mds":"Not affected","meltdown":"Not affected","mmio_stale_data":"Not affected","old_microcode":"Not affected","reg_file_data_sampling":"Not affected","retbleed":"Not affected","spec_rstack_overflow":"Vulnerable: Safe RET, no microcode","spec_store_bypass":"Vulnerable","spectre_v1":"Mitigation: usercopy/swapgs barriers and __user pointer sanitization","spectre_v2":"Mitigation: Retpolines; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected","srbds":"Not affected","tsa":"Not affected","tsx_async_abort":"Not affected","vmscape":"Not affected"},"native_burdens":["br_netfilter is on in the host''s namespace: packets over its own bridges pass iptables, too"],"server_cpu":1,"virtualization":"virtual machine"}','[]');
CREATE TABLE trial_values (
  trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
  metric TEXT NOT NULL,
  value REAL,
  unavailable TEXT,
  PRIMARY KEY (trial, metric),
  CHECK (value IS NOT NULL OR unavailable IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO "trial_values" VALUES(1,'client_cpu',1.20363388763319344436e+04,NULL);
INSERT INTO "trial_values" VALUES(1,'client_switches',1.04940264772360354605e-03,NULL);
INSERT INTO "trial_values" VALUES(1,'rate',82583.7432021573,NULL);
INSERT INTO "trial_values" VALUES(1,'rtt_max',976188.0,NULL);
INSERT INTO "trial_values" VALUES(1,'rtt_mean',1.20767818049725537998e+04,NULL);
INSERT INTO "trial_values" VALUES(1,'rtt_p50',11427.0,NULL);
INSERT INTO "trial_values" VALUES(1,'rtt_p90',12269.0,NULL);
INSERT INTO "trial_values" VALUES(1,'rtt_p99',14712.0,NULL);
INSERT INTO "trial_values" VALUES(1,'rtt_p99_9',NULL,'12388 round trips in the window, and 100000 are needed');
INSERT INTO "trial_values" VALUES(1,'server_cpu',1.19755554568937677684e+04,NULL);
INSERT INTO "trial_values" VALUES(1,'server_switches',2.74459154020019382297e-03,NULL);
INSERT INTO "trial_values" VALUES(2,'client_cpu',8055.65775460395,NULL);
INSERT INTO "trial_values" VALUES(2,'client_switches',1.22032394053694253667e-03,NULL);
INSERT INTO "trial_values" VALUES(2,'rate',1.2018644872857298469e+05,NULL);
INSERT INTO "trial_values" VALUES(2,'rtt_max',1919657.0,NULL);
INSERT INTO "trial_values" VALUES(2,'rtt_mean',8.29193454626137099652e+03,NULL);
INSERT INTO "trial_values" VALUES(2,'rtt_p50',7601.0,NULL);
INSERT INTO "trial_values" VALUES(2,'rtt_p90',8663.0,NULL);
INSERT INTO "trial_values" VALUES(2,'rtt_p99',10505.0,NULL);
INSERT INTO "trial_values" VALUES(2,'rtt_p99_9',NULL,'18028 round trips in the window, and 100000 are needed');
INSERT INTO "trial_values" VALUES(2,'server_cpu',8.14329382072331918636e+03,NULL);
INSERT INTO "trial_values" VALUES(2,'server_switches',2.77346350122032370057e-04,NULL);
INSERT INTO "trial_values" VALUES(3,'client_cpu',7.54816313271216313314e+03,NULL);
INSERT INTO "trial_values" VALUES(3,'client_switches',3.02190883908335446335e-04,NULL);
INSERT INTO "trial_values" VALUES(3,'rate',1.32360683081386814588e+05,NULL);
INSERT INTO "trial_values" VALUES(3,'rtt_max',84415.0,NULL);
INSERT INTO "trial_values" VALUES(3,'rtt_mean',7.52923344245781936499e+03,NULL);
INSERT INTO "trial_values" VALUES(3,'rtt_p50',7391.0,NULL);
INSERT INTO "trial_values" VALUES(3,'rtt_p90',7811.0,NULL);
INSERT INTO "trial_values" VALUES(3,'rtt_p99',9154.0,NULL);
INSERT INTO "trial_values" VALUES(3,'rtt_p99_9',NULL,'19855 round trips in the window, and 100000 are needed');
INSERT INTO "trial_values" VALUES(3,'server_cpu',7.44910818433643908071e+03,NULL);
INSERT INTO "trial_values" VALUES(3,'server_switches',2.0146058927222361282e-04,NULL);
INSERT INTO "trial_values" VALUES(4,'client_cpu',7.68060904991288316513e+03,NULL);
INSERT INTO "trial_values" VALUES(4,'client_switches',2.56226299067336294335e-04,NULL);
INSERT INTO "trial_values" VALUES(4,'rate',1.30090978686619098878e+05,NULL);
INSERT INTO "trial_values" VALUES(4,'rtt_max',69923.0,NULL);
INSERT INTO "trial_values" VALUES(4,'rtt_mean',7.66058532335758900428e+03,NULL);
INSERT INTO "trial_values" VALUES(4,'rtt_p50',7471.0,NULL);
INSERT INTO "trial_values" VALUES(4,'rtt_p90',8182.0,NULL);
INSERT INTO "trial_values" VALUES(4,'rtt_p99',10305.0,NULL);
INSERT INTO "trial_values" VALUES(4,'rtt_p99_9',NULL,'19514 round trips in the window, and 100000 are needed');
INSERT INTO "trial_values" VALUES(4,'server_cpu',7.58252879983601542346e+03,NULL);
INSERT INTO "trial_values" VALUES(4,'server_switches',5.1245259813467257514e-05,NULL);
INSERT INTO "trial_values" VALUES(5,'client_cpu',8.92649886553618307494e+03,NULL);
INSERT INTO "trial_values" VALUES(5,'client_switches',5.37377597325053692547e-04,NULL);
INSERT INTO "trial_values" VALUES(5,'rate',1.11652743062498353539e+05,NULL);
INSERT INTO "trial_values" VALUES(5,'rtt_max',1080973.0,NULL);
INSERT INTO "trial_values" VALUES(5,'rtt_mean',8.92834171244327626498e+03,NULL);
INSERT INTO "trial_values" VALUES(5,'rtt_p50',8573.0,NULL);
INSERT INTO "trial_values" VALUES(5,'rtt_p90',9414.0,NULL);
INSERT INTO "trial_values" VALUES(5,'rtt_p99',11667.0,NULL);
INSERT INTO "trial_values" VALUES(5,'rtt_p99_9',NULL,'16748 round trips in the window, and 100000 are needed');
INSERT INTO "trial_values" VALUES(5,'server_cpu',8.88982111296871335085e+03,NULL);
INSERT INTO "trial_values" VALUES(5,'server_switches',2.98543109625029829193e-04,NULL);
CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE,
  block INTEGER NOT NULL,
  position INTEGER NOT NULL,
  environment TEXT NOT NULL,
  is_control INTEGER NOT NULL CHECK (is_control IN (0, 1)),
  workload TEXT NOT NULL,
  started REAL NOT NULL,
  window_ns INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  late INTEGER NOT NULL,
  duplicate INTEGER NOT NULL,
  foreign_messages INTEGER NOT NULL,
  attestation_json TEXT NOT NULL,
  noise_json TEXT NOT NULL,
  histogram BLOB NOT NULL,
  UNIQUE (run, block, workload, environment, is_control)
) STRICT;
INSERT INTO "trials" VALUES(1,'20261124-055952-0aac',0,0,'bridge',0,'udp-rr-spin',8.17192792333540678033e+08,150005310,12388,12388,0,0,0,0,'{"failures":[],"hops":[{"expected":12388,"interface":"client0","isDeclared":true,"namespace":"client","received":12388,"transmitted":12388},{"expected":12388,"interface":"port-client","isDeclared":true,"namespace":"switch","received":12388,"transmitted":12388},{"expected":12388,"interface":"port-server","isDeclared":true,"namespace":"switch","received":12388,"transmitted":12388},{"expected":12388,"interface":"server0","isDeclared":true,"namespace":"server","received":12388,"transmitted":12388},{"expected":0,"interface":"lo","isDeclared":false,"namespace":"client","received":0,"transmitted":0},{"expected":0,"interface":"lo","isDeclared":false,"namespace":"server","received":0,"transmitted":0},{"expected":0,"interface":"lo","isDeclared":false,"namespace":"switch","received":0,"transmitted":0},{"expected":0,"interface":"bridge0","isDeclared":false,"namespace":"switch","received":0,"transmitted":0}]}','{"canaryNanoseconds":20,"clockStepNanoseconds":20,"foreignCPUShare":0.014928350234817218,"runDelayShare":0.018228927062831756,"stealShare":0}',X'0105020401');
INSERT INTO "trials" VALUES(2,'20261124-055952-0aac',0,1,'native',0,'udp-rr-spin',817192792.527053,150000272,18028,18028,0,0,0,0,'{"failures":[],"hops":[{"expected":36056,"interface":"lo","isDeclared":true,"namespace":"host","received":36056,"transmitted":36056}]}','{"canaryNanoseconds":20,"clockStepNanoseconds":0,"foreignCPUShare":0.019776728736066625,"runDelayShare":0.020414373047807608,"stealShare":0}',X'0105020401');
INSERT INTO "trials" VALUES(3,'20261124-055952-0aac',0,2,'native',1,'udp-rr-spin',8.17192792703265666939e+08,150006781,19855,19855,0,0,0,0,'{"failures":[],"hops":[{"expected":39710,"interface":"lo","isDeclared":true,"namespace":"host","received":39710,"transmitted":39710}]}','{"canaryNanoseconds":20,"clockStepNanoseconds":10,"foreignCPUShare":0.0007225336275590842,"runDelayShare":0.000761817219005771,"stealShare":0}',X'0105020401');
INSERT INTO "trials" VALUES(4,'20261124-055952-0aac',0,3,'netns',0,'udp-rr-spin',8.17192792883962273575e+08,150002715,19514,19514,0,0,0,0,'{"failures":[],"hops":[{"expected":39028,"interface":"lo","isDeclared":true,"namespace":"both","received":39028,"transmitted":39028}]}','{"canaryNanoseconds":20,"clockStepNanoseconds":10,"foreignCPUShare":0.0005127788556388873,"runDelayShare":0.001727526070923709,"stealShare":0}',X'0105020401');
INSERT INTO "trials" VALUES(5,'20261124-055952-0aac',0,4,'veth',0,'udp-rr-spin',817192793.062684,150000793,16748,16748,0,0,0,0,'{"failures":[],"hops":[{"expected":16748,"interface":"client0","isDeclared":true,"namespace":"client","received":16748,"transmitted":16748},{"expected":16748,"interface":"server0","isDeclared":true,"namespace":"server","received":16748,"transmitted":16748},{"expected":0,"interface":"lo","isDeclared":false,"namespace":"client","received":0,"transmitted":0},{"expected":0,"interface":"lo","isDeclared":false,"namespace":"server","received":0,"transmitted":0}]}','{"canaryNanoseconds":20,"clockStepNanoseconds":-140,"foreignCPUShare":0.006007246949960755,"runDelayShare":0.007738717407807916,"stealShare":0}',X'0105020401');
CREATE INDEX runs_by_start ON runs (started);
PRAGMA application_id = 1651401576;
COMMIT;
