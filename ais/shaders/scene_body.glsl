// Where a fragment lies in the view, and where it faces; a sphere is met by the line of sight here, exactly.

in vec3 at;

#if BODY == 0
flat in uint number;
in vec3 normal;

vec3 faces_to(out vec3 place) {
    place = at;
    return normal;
}
#elif BODY == 1
flat in uint number;
flat in vec3 centre;

uniform mat4 to_clip[1];
uniform float radius;
uniform float perspective;

vec3 faces_to(out vec3 place) {
    vec3 start = perspective > 0.5 ? vec3(0.0) : vec3(at.xy, centre.z + 2.0 * radius);
    vec3 sight = perspective > 0.5 ? normalize(at) : vec3(0.0, 0.0, -1.0);
    vec3 offset = centre - start;
    float way = dot(offset, sight);
    vec3 nearest = offset - way * sight;
    float inside = radius * radius - dot(nearest, nearest);
    if (inside < 0.0) discard;
    place = start + (way - sqrt(inside)) * sight;
    vec4 clip = to_clip[0] * vec4(place, 1.0);
    gl_FragDepth = clamp(clip.z / clip.w * 0.5 + 0.5, 0.0, 1.0);
    return (place - centre) / radius;
}
#elif BODY == 3
flat in uint number;

vec3 faces_to(out vec3 place) {
    vec2 across = gl_PointCoord * 2.0 - 1.0;
    float inside = 1.0 - dot(across, across);
    if (inside < 0.0) discard;
    place = at;
    return vec3(across, sqrt(inside));
}
#else
in vec2 place;

uniform sampler2D picture;
#endif
