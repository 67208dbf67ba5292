#include "service/state/redis_scripts.h"

const char redis_script_fold[] =
    "#!lua flags=allow-oom\n"
    "local key, generation, length, last = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]\n"
    "if redis.call('STRLEN', key) < length then return 0 end\n"
    "local head = redis.call('GETRANGE', key, 0, 15)\n"
    "local stands = string.byte(head, 1) == 0xA5 and string.sub(head, 9, 16) or ''\n"
    "if stands ~= generation then return 0 end\n"
    "if redis.call('GETRANGE', key, length - #last, length - 1) ~= last then return 0 end\n"
    "redis.call('SET', key, ARGV[4] .. redis.call('GETRANGE', key, length, -1), 'KEEPTTL')\n"
    "return 1\n";

const char redis_script_void[] =
    "#!lua flags=allow-oom\n"
    "local found = 0\n"
    "for i, key in ipairs(KEYS) do\n"
    "  local log, record, at, left = redis.call('GET', key) or '', ARGV[i], 1, {}\n"
    "  local from, to = string.find(log, record, at, true)\n"
    "  while from and to >= from do\n"
    "    left[#left + 1] = string.sub(log, at, from - 1)\n"
    "    at = to + 1\n"
    "    from, to = string.find(log, record, at, true)\n"
    "  end\n"
    "  found = found + #left\n"
    "  left = table.concat(left) .. string.sub(log, at)\n"
    "  if at > 1 and left == '' then redis.call('DEL', key)\n"
    "  elseif at > 1 then redis.call('SET', key, left, 'KEEPTTL') end\n"
    "end\n"
    "return found\n";

const char redis_script_settle_undecided[] =
    "local stands = redis.call('GET', KEYS[1])\n"
    "local function body(claim) return string.sub(claim, 9, 24) end\n"
    "local undecided = stands and string.sub(stands, 2, 2) == 'u'\n"
    "local settles, entry = 0, ''\n"
    "if not stands or undecided and body(stands) == body(ARGV[1]) then\n"
    "  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
    "  settles = 1\n"
    "  if ARGV[4] then\n"
    "    entry = redis.call('XADD', KEYS[2], '*', 'o', ARGV[3], 'a', ARGV[4])\n"
    "  end\n"
    "end\n"
    "return {settles, entry, stands or nil}\n";

const char redis_script_park[] =
    "local stands = redis.call('GET', KEYS[1])\n"
    "if stands and string.sub(stands, 2, 2) ~= 'p' then return stands end\n"
    "local value = stands or ARGV[1]\n"
    "local labels, at = 1, #ARGV[1] + 1\n"
    "while at < #value do\n"
    "  local a, b, c, d = string.byte(value, at, at + 3)\n"
    "  at = at + 4 + a + b * 256 + c * 65536 + d * 16777216\n"
    "  labels = labels + 1\n"
    "end\n"
    "value = value .. ARGV[2]\n"
    "if labels > tonumber(ARGV[4]) or #value > tonumber(ARGV[5]) then return 0 end\n"
    "redis.call('SET', KEYS[1], value)\n"
    "redis.call('ZADD', KEYS[2], ARGV[3], ARGV[6])\n"
    "return false\n";

const char redis_script_take_parked[] =
    "local stands = redis.call('GET', KEYS[1])\n"
    "local parked = stands and string.sub(stands, 2, 2) == 'p'\n"
    "if not stands or parked then\n"
    "  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
    "  redis.call('ZREM', KEYS[2], ARGV[3])\n"
    "end\n"
    "return stands\n";

const char redis_script_expire_parked[] =
    "local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])\n"
    "local values = {}\n"
    "for _, hash in ipairs(due) do\n"
    "  local key = ARGV[3] .. hash\n"
    "  local stands = redis.call('GET', key)\n"
    "  if stands and string.sub(stands, 2, 2) == 'p' then\n"
    "    values[#values + 1] = stands\n"
    "    redis.call('DEL', key)\n"
    "  end\n"
    "  redis.call('ZREM', KEYS[1], hash)\n"
    "end\n"
    "return values\n";

const char redis_script_take_alerts[] =
    "redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])\n"
    "redis.call('SET', KEYS[3], '1', 'PX', ARGV[2])\n"
    "local look, room, lives = tonumber(ARGV[5]), tonumber(ARGV[6]), {}\n"
    "local entries = redis.call('XRANGE', KEYS[1], ARGV[4], '+', 'COUNT', look)\n"
    "local answer = {''}\n"
    "for _, entry in ipairs(entries) do\n"
    "  local owner, record = entry[2][2], entry[2][4]\n"
    "  if lives[owner] == nil then\n"
    "    lives[owner] = owner ~= '' and redis.call('EXISTS', ARGV[3] .. owner) == 1\n"
    "  end\n"
    "  if not lives[owner] then\n"
    "    if room == 0 then return answer end\n"
    "    room = room - 1\n"
    "    redis.call('XDEL', KEYS[1], entry[1])\n"
    "    answer[#answer + 1] = redis.call('XADD', KEYS[1], '*', 'o', ARGV[1], 'a', record)\n"
    "    answer[#answer + 1] = record\n"
    "  end\n"
    "  answer[1] = entry[1]\n"
    "end\n"
    "if #entries < look then answer[1] = '' end\n"
    "return answer\n";
