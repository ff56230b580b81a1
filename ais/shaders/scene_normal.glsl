// A direction of length 1 or less in 30 bits.

uint packed_normal(vec3 direction) {
    uvec3 whole = uvec3(direction * 511.0 + 512.0);
    return whole.x | whole.y << 10 | whole.z << 20;
}

vec3 unpacked_normal(uint value) {
    return normalize(vec3(float(value & 1023u), float(value >> 10 & 1023u), float(value >> 20)) - 511.5);
}
