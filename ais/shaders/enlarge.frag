// A packed picture at twice the width and height, linear between its pixels.
#include "packed.glsl"
#include "mixed.glsl"

out vec4 result;

// The four pixels of the halved row that four enlarged ones lie between.
vec4 around(int block, int y) {
    int middle = block >> 1;
    bool first = (block & 1) == 0;
    vec4 here = four(middle, y);
    vec4 beside = four(first ? middle - 1 : middle + 1, y);
    return first ? vec4(beside.w, here.xyz) : vec4(here.yzw, beside.x);
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    int y = at.y >> 1;
    int other = (at.y & 1) == 0 ? y - 1 : y + 1;
    vec4 low = 0.75 * around(at.x, y) + 0.25 * around(at.x, other);
    result = mixed(0.75 * low.yyzz + 0.25 * low.xzyw);
}
