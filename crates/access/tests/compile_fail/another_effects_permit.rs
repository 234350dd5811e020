//! The permission to pull deletes nothing.

use access::op::ecr;
use access::permit::{Opens, Permit};
use access::store::BatchDeleteImage;

fn delete<G: Opens<BatchDeleteImage>>(_permit: &Permit<G>) {}

fn delete_images(permit: &Permit<ecr::BatchDeleteImage>) {
    delete(permit);
}

fn pull(permit: &Permit<ecr::BatchGetImage>) {
    delete_images(permit);
}

fn main() {}
