// What is seen: the number of the component or particle, counted from 1, and where it faces; of a slice its grey value.
#include "scene_table.glsl"
#include "scene_body.glsl"
#include "scene_normal.glsl"

layout(location = 0) out uvec2 result;

void main() {
#if BODY == 2
    result = uvec2(SLICES, uint(texture(picture, place).r * 255.0 + 0.5));
#else
    vec3 where;
    result.y = packed_normal(faces_to(where));
    result.x = number + 1u;
#endif
}
